#!/usr/bin/env python3
"""check_snippets.py ROOT: code that a text quotes is code that is compiled.

In README.md and workshop/**/*.md each block of C++ is preceded by a line that names its file,

    <!-- snippet: server/chat/room.cpp -->

and each of its lines must stand in that file, one after another; indentation of the whole block may
differ. A block without that line is an error, as is a link to a file or a line that is not there:
[room.cpp:54](../server/chat/room.cpp#L54 "co_await") must find the quoted words in that line.
"""
import pathlib
import re
import sys
import textwrap

SNIPPET = re.compile(r"<!-- snippet: (\S+) -->")
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#L(\d+))?(?: \"([^\"]*)\")?\)")
CODE = ("```cpp", "```c++")


def lines_of(file: pathlib.Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()


def occurs(block: list[str], file: pathlib.Path) -> bool:
    wanted = textwrap.dedent("\n".join(block)).splitlines()
    source = lines_of(file)
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


def link_problems(text: list[str], folder: pathlib.Path):
    """Yields (line number, what is wrong) for each link to a file of the project."""
    for number, line in enumerate(text, 1):
        for target, at, words in LINK.findall(line):
            file = folder / target
            if not file.exists():
                yield number, f"{target} is not there"
            elif at and words not in (lines_of(file)[int(at) - 1 :] or [""])[0]:
                found = [n for n, code in enumerate(lines_of(file), 1) if words in code]
                yield number, f"{target}#L{at} has no '{words}' (it is in {found})"


def main() -> int:
    root = pathlib.Path(sys.argv[1])
    texts = [root / "README.md", *sorted((root / "workshop").rglob("*.md"))]
    problems = []
    for file in texts:
        text = lines_of(file)
        found = [*snippet_problems(text, root), *link_problems(text, file.parent)]
        problems += [f"{file.relative_to(root)}:{number}: {what}" for number, what in sorted(found)]
    print("\n".join(problems) or f"{len(texts)} texts are right")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
