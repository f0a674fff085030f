"""Looks up the source lines that a report names, as a reader of the report would."""

import pathlib
import re

TOP = pathlib.Path(__file__).resolve().parents[2]


def named_after(words, text):
    """Returns the `FILE:LINE` that follows these words in a report."""
    found = re.search(re.escape(words) + r"\s*(\S+?:\d+)", text)
    assert found, f"no {words!r} in:\n{text}"
    return found[1]


def source_at(place):
    """Returns the text of that source line."""
    file, line = place.rsplit(":", 1)
    return (TOP / file).read_text(encoding="utf-8").splitlines()[int(line) - 1].strip()
