#!/usr/bin/env python3
"""cards.py [--list | --answers FILE]: which lesson is each incident of cards.md?

Without arguments it asks one card after another. --list prints the stories. --answers grades a file with
one lesson number a line, in the order of the cards. Exit code 0 if three quarters are right, 1 if fewer.
"""
import argparse
import pathlib
import re
import sys
import textwrap
from typing import NamedTuple

CARDS = pathlib.Path(__file__).with_name("cards.md")
LESSONS = range(1, 11)
ENOUGH = 0.75
CARD = re.compile(
    r"^## (?P<number>\d+)\. (?P<title>.+?)\n\n(?P<story>.+?)\n\n<details>\n<summary>Which lesson\?</summary>\n\n"
    r"\*\*Lesson (?P<lessons>[\d or]+)\.\*\* (?P<why>.+?)\n\nSource: (?P<source>.+?)\n\n</details>$",
    re.MULTILINE | re.DOTALL)


class Card(NamedTuple):
    number: int
    title: str
    story: str
    lessons: tuple[int, ...]  # each of them is right
    why: str
    links: tuple[str, ...]


def read_cards(text: str) -> list[Card]:
    return [
        Card(int(found["number"]), found["title"], found["story"],
             tuple(int(each) for each in found["lessons"].split(" or ")), " ".join(found["why"].split()),
             tuple(re.findall(r"\]\((\S+?)\)", found["source"])))
        for found in CARD.finditer(text)
    ]


def grade(cards: list[Card], answers: list[int]) -> tuple[int, list[str]]:
    """Returns how many are right, and a line that explains each of the others."""
    right = 0
    explained = []
    for card, answer in zip(cards, answers, strict=True):
        if answer in card.lessons:
            right += 1
        else:
            wanted = " or ".join(str(each) for each in card.lessons)
            explained.append(f"{card.number}. {card.title}: not {answer} but {wanted}. {card.why}")
    return right, explained


def show(card: Card) -> None:
    print(f"{card.number}. {card.title}")
    print(textwrap.indent(card.story, "   "), end="\n\n")


def ask(card: Card) -> int:
    show(card)
    while True:
        answer = input("Which lesson, 1 to 10? ").strip()
        if answer.isdecimal() and int(answer) in LESSONS:
            return int(answer)


def main() -> int | str:
    arguments = argparse.ArgumentParser(description="Which lesson is each incident?")
    arguments.add_argument("--list", action="store_true", help="print the stories")
    arguments.add_argument("--answers", type=pathlib.Path, help="grade this file: one number a line")
    given = arguments.parse_args()
    cards = read_cards(CARDS.read_text(encoding="utf-8"))
    if given.list:
        for card in cards:
            show(card)
        return 0
    if given.answers:
        words = given.answers.read_text(encoding="utf-8").split()
        if len(words) != len(cards) or not all(word.isdecimal() for word in words):
            return f"{given.answers}: needs {len(cards)} numbers, one a line"
        answers = [int(word) for word in words]
    else:
        try:
            answers = [ask(card) for card in cards]
        except (EOFError, KeyboardInterrupt):
            return "\nNot graded: some cards have no answer"
    right, explained = grade(cards, answers)
    print("\n".join(explained))
    print(f"{right} of {len(cards)} are right")
    return 0 if right >= ENOUGH * len(cards) else 1


if __name__ == "__main__":
    sys.exit(main())
