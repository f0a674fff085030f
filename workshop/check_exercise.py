#!/usr/bin/env python3
"""check_exercise.py EXERCISE.CPP PROGRAM: an exercise freezes until it is solved.

As long as the source has its line "I AM NOT DONE", the program must report a freeze: exit code 3 and
a line that begins with "frozen:". Without that line it must pass.
"""
import pathlib
import subprocess
import sys

MARK = "// I AM NOT DONE"
FROZEN = 3
SECONDS = 10  # the program's own watchdog takes 2


def main() -> str | None:
    source, program = sys.argv[1:]
    done = MARK not in pathlib.Path(source).read_text(encoding="utf-8").splitlines()
    run = subprocess.run([program], capture_output=True, text=True, timeout=SECONDS, check=False)
    said = run.stdout + run.stderr
    print(said)
    froze = run.returncode == FROZEN and any(line.startswith("frozen:") for line in said.splitlines())
    if done:
        return None if run.returncode == 0 else f"{source} is marked as done, but its test fails"
    if run.returncode == 0:
        return f"{source} is solved: now delete its line {MARK!r}"
    return None if froze else f"exit code {run.returncode}: neither frozen nor solved"


if __name__ == "__main__":
    sys.exit(main())
