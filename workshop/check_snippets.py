#!/usr/bin/env python3
"""check_snippets.py ROOT [--fix]: code that a text quotes is code that is compiled.

In README.md and workshop/**/*.md each block of C++ is preceded by a line that names its file,

    <!-- snippet: server/chat/room.cpp -->

and each of its lines must stand in that file, one after another; indentation of the whole block may
differ. An exercise.cpp that its reader has solved (see check_exercise.py) need not be as quoted.
A block without that line is an error, as is a link to a file or a line that is not there:
[room.cpp:54](../server/chat/room.cpp#L54 "co_await") must find the quoted words in that line.
Output that is quoted names lines as well: where it says that the lock is taken, or asked for, there must
be a lock(, and where a task sleeps a co_await.

When lines have moved, --fix writes the new numbers into such links: the nearest line with the words.
"""
import pathlib
import re
import sys
import textwrap

SNIPPET = re.compile(r"<!-- snippet: (\S+) -->")
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#L(\d+))?(?: \"([^\"]*)\")?\)")
LABEL = re.compile(r"\[[^]]*:(\d+)\]\([^)#:\s]+#L(\d+)")
LINE_LINK = re.compile(r"(\[[^]]*:)\d+(\]\(([^)#:\s]+)#L)(\d+)( \"([^\"]*)\"\))")
# What a report says of a line, and what must stand there, outside of comments.
REPORTED = (
    (re.compile(r"(?:takes it in|asks in|acquired_at=)\s*(server/\S+?):(\d+)"),
     re.compile(r"\b(?:try_)?lock\(")),
    (re.compile(r"(?:sleeps in|suspended in|suspended_at=|co_await in)\s*(server/\S+?):(\d+)"),
     re.compile(r"\bco_await\b")),
)
CODE = ("```cpp", "```c++")
NOT_DONE = "// I AM NOT DONE"


def lines_of(file: pathlib.Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()


def occurs(block: list[str], file: pathlib.Path) -> bool:
    wanted = textwrap.dedent("\n".join(block)).splitlines()
    source = lines_of(file)
    if file.name == "exercise.cpp" and NOT_DONE not in source:
        return True
    windows = (source[at : at + len(wanted)] for at in range(len(source)))
    return any(textwrap.dedent("\n".join(window)).splitlines() == wanted for window in windows)


def snippet_problems(text: list[str], root: pathlib.Path):
    """Yields (line number, what is wrong) for each block of C++."""
    start, named = None, ""
    for number, line in enumerate(text, 1):
        if start is None and line.startswith(CODE):
            mark = SNIPPET.fullmatch(text[number - 2]) if number > 1 else None
            start, named = number, mark[1] if mark else ""
            if not mark:
                yield number, "C++ without a line <!-- snippet: FILE --> before it"
        elif start is not None and line == "```":
            if named and not (root / named).is_file():
                yield start, f"{named} is not there"
            elif named and not occurs(text[start : number - 1], root / named):
                yield start, f"this block is not in {named}"
            start = None


def lines_with(words: str, file: pathlib.Path) -> list[int]:
    return [number for number, line in enumerate(lines_of(file), 1) if words in line]


def link_problems(text: list[str], folder: pathlib.Path):
    """Yields (line number, what is wrong) for each link to a file of the project."""
    for number, line in enumerate(text, 1):
        for target, at, words in LINK.findall(line):
            file = folder / target
            if not file.exists():
                yield number, f"{target} is not there"
            elif at and int(at) not in (found := lines_with(words, file)):
                yield number, f"{target}#L{at} has no '{words}', lines {found} have: see --fix"


def label_problems(text: list[str]):
    """Yields (line number, what is wrong) for each link that shows one line and leads to another."""
    for number, line in enumerate(text, 1):
        for shown, at in LABEL.findall(line):
            if shown != at:
                yield number, f"the link to L{at} says {shown}: see --fix"


def output_problems(text: list[str], root: pathlib.Path):
    """Yields (line number, what is wrong) for each line of the source that a quoted report names."""
    for number, line in enumerate(text, 1):
        for places, code in REPORTED:
            for target, at in places.findall(line):
                source = lines_of(root / target) if (root / target).is_file() else []
                found = [n for n, each in enumerate(source, 1) if code.search(each.partition("//")[0])]
                if int(at) not in found:
                    yield number, f"{target}:{at} is not such a line, {found} are: quote a new report"


def fix_links(text: pathlib.Path) -> None:
    """Lets each link to a line point to the nearest line that has its words."""

    def fixed(link: re.Match) -> str:
        label, target, file, at, tail, words = link.groups()
        found = lines_with(words, text.parent / file)
        best = min(found, key=lambda line: abs(line - int(at)), default=int(at))
        return f"{label}{best}{target}{best}{tail}"

    text.write_text(LINE_LINK.sub(fixed, text.read_text(encoding="utf-8")), encoding="utf-8")


def main() -> int:
    root = pathlib.Path(sys.argv[1])
    texts = [root / "README.md", *sorted((root / "workshop").rglob("*.md"))]
    problems = []
    for file in texts:
        if "--fix" in sys.argv[2:]:
            fix_links(file)
        text = lines_of(file)
        found = [*snippet_problems(text, root), *link_problems(text, file.parent),
                 *label_problems(text), *output_problems(text, root)]
        problems += [f"{file.relative_to(root)}:{number}: {what}" for number, what in sorted(found)]
    print("\n".join(problems) or f"{len(texts)} texts are right")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
