#!/usr/bin/env python3
"""claims.md has each of the 42 claims once, with verdicts and with lessons that exist; and what a lesson's last
line claims to treat, <!-- claims: 1 2 -->, is what the table says of that lesson."""
import pathlib
import re
import unittest

HERE = pathlib.Path(__file__).resolve().parent
VERDICTS = {"true", "over-claimed", "false"}
ROW = re.compile(r"^\| (\d+) \| (.+?) \| (.+?) \| (.+?) \| (.*?) \| (.+?) \|$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#\s]+)")
FOOTER = re.compile(r"^<!-- claims: ([\d ]+) -->$", re.MULTILINE)
ROWS = ROW.findall((HERE / "claims.md").read_text(encoding="utf-8"))


def told_in_lessons() -> set[tuple[int, str]]:
    """(claim, folder) for each number in the last line of a lesson."""
    return {
        (int(number), readme.parent.name)
        for readme in HERE.glob("[0-9][0-9]-*/README.md")
        for numbers in FOOTER.findall(readme.read_text(encoding="utf-8"))
        for number in numbers.split()
    }


class Claims(unittest.TestCase):
    def test_each_claim_appears_once(self):
        self.assertEqual([int(row[0]) for row in ROWS], list(range(1, 43)))

    def test_each_has_a_verdict_for_both_languages(self):
        for number, _, rust, cpp, truth, _ in ROWS:
            with self.subTest(claim=number):
                self.assertLessEqual({rust, cpp}, VERDICTS)
                if {rust, cpp} != {"true"}:
                    self.assertTrue(truth, "say what is true instead")

    def test_each_leads_to_something_that_exists(self):
        for number, *_, places in ROWS:
            with self.subTest(claim=number):
                links = LINK.findall(places)
                self.assertTrue(links)
                for link in links:
                    self.assertTrue((HERE / link).exists(), link)

    def test_what_a_lesson_says_it_treats_is_in_the_table(self):
        in_table = {(int(number), link.partition("/")[0])
                    for number, *_, places in ROWS for link in LINK.findall(places)}
        self.assertEqual(told_in_lessons() - in_table, set())


if __name__ == "__main__":
    unittest.main()
