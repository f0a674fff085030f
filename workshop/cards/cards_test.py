#!/usr/bin/env python3
"""The cards are readable, every lesson has one, and the game grades."""
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from cards import CARDS, LESSONS, grade, read_cards

TEXT = CARDS.read_text(encoding="utf-8")
DECK = read_cards(TEXT)


class Cards(unittest.TestCase):
    def test_each_heading_is_a_card_and_they_are_numbered(self):
        self.assertEqual([card.number for card in DECK], list(range(1, len(DECK) + 1)))
        self.assertEqual(len(DECK), len(re.findall(r"^## ", TEXT, re.MULTILINE)))
        self.assertGreaterEqual(len(DECK), 12)
        self.assertTrue(re.search(rf"^{len(DECK)} incidents", TEXT, re.MULTILINE))

    def test_each_lesson_has_a_card(self):
        self.assertEqual({each for card in DECK for each in card.lessons}, set(LESSONS))

    def test_each_card_has_a_link_that_no_other_card_has(self):
        links = [link for card in DECK for link in card.links]
        self.assertTrue(all(card.links for card in DECK))
        self.assertEqual(len(links), len(set(links)))
        self.assertTrue(all(link.startswith("https://") for link in links))

    def test_no_story_names_its_project(self):
        for card in DECK:
            for link in card.links:
                project = link.split("/")[4] if "github.com" in link else "RFD"
                self.assertNotRegex(card.story, rf"(?i)\b{re.escape(project)}\b")

    def test_right_answers_are_all_right_and_wrong_ones_are_explained(self):
        right, explained = grade(DECK, [card.lessons[-1] for card in DECK])
        self.assertEqual((right, explained), (len(DECK), []))
        right, explained = grade(DECK, [2 if 2 not in card.lessons else 9 for card in DECK])
        self.assertEqual(right, 0)
        self.assertEqual(len(explained), len(DECK))

    def test_the_game_passes_right_answers_and_fails_guesses(self):
        for answers, code in (([card.lessons[0] for card in DECK], 0), ([10] * len(DECK), 1)):
            with tempfile.TemporaryDirectory() as folder:
                file = pathlib.Path(folder) / "answers"
                file.write_text("\n".join(str(each) for each in answers), encoding="utf-8")
                run = subprocess.run([sys.executable, "-B", CARDS.with_name("cards.py"), "--answers", file],
                                     capture_output=True, text=True, check=False)
            self.assertEqual(run.returncode, code, run.stdout + run.stderr)
            self.assertIn(f"of {len(DECK)} are right", run.stdout)


if __name__ == "__main__":
    unittest.main()
