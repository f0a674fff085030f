#!/usr/bin/env python3
"""check_exercise.py exercise SOURCE PROGRAM SAYS   or   check_exercise.py wrong SOURCE PROGRAM

An exercise fails until its reader has solved it. As long as its source has the line "// I AM NOT DONE",
the program must fail and say SAYS. Without that line it must pass.

A wrong answer must fail, and say what its own first line promises: "// Says: the words". A second line
"// Or, with asserts: the words" names what an assertion says instead in a build that has them.
"""
import pathlib
import subprocess
import sys

MARK = "// I AM NOT DONE"
SAYS = "// Says: "
OR_SAYS = "// Or, with asserts: "
SECONDS = 50  # a frozen program ends itself long before: watchdog.hpp


def lines_of(source: str) -> list[str]:
    return pathlib.Path(source).read_text(encoding="utf-8").splitlines()


def failed_with(words: str, code: int, said: str) -> str | None:
    if code == 0:
        return f"it passes, but it must fail with: {words}"
    return None if words in said else f"exit code {code}, but it does not say: {words}"


def exercise(source: str, words: str, code: int, said: str) -> str | None:
    if MARK not in lines_of(source):
        return None if code == 0 else f"{source} is marked as done, but its check fails"
    if code == 0:
        return f"{source} is solved: now delete its line {MARK!r}"
    return failed_with(words, code, said)


def wrong(source: str, code: int, said: str) -> str | None:
    first, second = lines_of(source)[:2]
    if not first.startswith(SAYS):
        return f"{source} does not begin with a line {SAYS!r}"
    if second.startswith(OR_SAYS) and second.removeprefix(OR_SAYS) in said and code != 0:
        return None
    return failed_with(first.removeprefix(SAYS), code, said)


def main() -> str | None:
    kind, source, program, *words = sys.argv[1:]
    try:
        run = subprocess.run([program], capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as hung:
        return f"still running after {SECONDS} s; so far it said: {hung.stdout}{hung.stderr}"
    said = run.stdout + run.stderr
    print(said)
    if kind == "exercise":
        return exercise(source, words[0], run.returncode, said)
    return wrong(source, run.returncode, said)


if __name__ == "__main__":
    sys.exit(main())
