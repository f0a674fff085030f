"""The source lines that a report names, opened as an attendee would open them."""

import pathlib
import re

TOP = pathlib.Path(__file__).resolve().parents[2]


def named_after(words, text):
    """`FILE:LINE` that follows these words in a report."""
    found = re.search(re.escape(words) + r"\s*(\S+?:\d+)", text)
    assert found, f"no {words!r} in:\n{text}"
    return found[1]


def source_at(place):
    """The text of that line of the project."""
    file, line = place.rsplit(":", 1)
    return (TOP / file).read_text(encoding="utf-8").splitlines()[int(line) - 1].strip()
