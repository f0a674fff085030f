#!/usr/bin/env python3
"""check_tidy.py CLANG_TIDY ROOT TREE [FOLDER...]: two checks must find exactly what expected.txt lists.

Runs clang-tidy's two checks for locks held across a suspension on every source that suspends, with the
compiler options of TREE. (TREE may be a unity build, which is faster.) With FOLDER, checks only the sources
below it. .clang-tidy lists the guard types that the checks know. Of the four servers, only the one that holds
its std::mutex across the co_await is checked. The checks do not understand unlock(), so they would report the
same lines for the server that releases it first, and they do not object to the async mutex.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

CHECKS = "-*,cppcoreguidelines-no-suspend-with-lock,misc-coroutine-hostile-raii"
FOLDERS = ("server", "client", "workshop", "tests")
BROKEN = re.compile(r"tests/compile_fail/|workshop/[^/]+/wrong/")  # sources that must not compile; wrong answers
SUSPENDS = re.compile(r"\bco_(await|yield)\b")
FINDING = re.compile(r"^(/[^:]+):(\d+):\d+: warning: .* \[([^],]+)")
DELIBERATE = "CHAT_MUTEX_STD=1 CHAT_GUARD_ACROSS_AWAIT=1".split()
NOT_DONE = "// I AM NOT DONE"


def sources_of(entry: dict) -> list[pathlib.Path]:
    """Returns the files of one compilation: the source, or the sources that a unity build's file includes."""
    file = pathlib.Path(entry["directory"], entry["file"]).resolve()
    if "Unity" in file.parts:
        return [pathlib.Path(name) for name in re.findall(r'#include "(.*)"', file.read_text())]
    return [file]


def suspends(file: pathlib.Path) -> bool:
    return file.is_file() and bool(SUSPENDS.search(file.read_text(encoding="utf-8")))


def choose(tree: pathlib.Path, wanted: set[pathlib.Path]) -> tuple[list[dict], set[pathlib.Path]]:
    """Returns one compilation for each wanted file, and the files that have none."""
    entries = json.loads((tree / "compile_commands.json").read_text())
    entries.sort(key=lambda entry: sum(define in entry["command"] for define in DELIBERATE), reverse=True)
    chosen, left = [], set(wanted)
    for entry in entries:
        if left & set(sources_of(entry)):
            chosen.append(entry)
            left -= set(sources_of(entry))
    return chosen, left


def tidy(clang_tidy: str, root: pathlib.Path, database: str, entry: dict) -> subprocess.CompletedProcess:
    return subprocess.run(
        # The build may be g++'s, with warnings that clang does not know.
        [clang_tidy, "-p", database, "--quiet", f"--checks={CHECKS}", f"--config-file={root}/.clang-tidy",
         "--extra-arg=-Wno-unknown-warning-option",
         f"--header-filter={re.escape(str(root))}/({'|'.join(FOLDERS)})/", entry["file"]],
        capture_output=True, text=True, check=False)


def findings_in(output: str, root: pathlib.Path) -> set[tuple[str, int, str]]:
    """Returns (file, line, check) of each finding. A set, because several files may include one header."""
    found = (FINDING.match(line) for line in output.splitlines())
    return {(os.path.relpath(os.path.normpath(m[1]), root), int(m[2]), m[3]) for m in found if m}


def expectation(root: pathlib.Path, below: list[str]) -> list[tuple[str, str, str]]:
    """Returns (file, check, words) of each line of expected.txt that applies."""
    lines = (pathlib.Path(__file__).parent / "expected.txt").read_text(encoding="utf-8").splitlines()
    entries = (line.split(": ", 2) for line in lines if line and not line.startswith("#"))
    return [(file, check, words) for file, check, words in entries
            if file.startswith(tuple(below)) and not is_solved(root / file)]


def is_solved(file: pathlib.Path) -> bool:
    return file.name == "exercise.cpp" and NOT_DONE not in file.read_text(encoding="utf-8").splitlines()


def main() -> int:
    started = time.monotonic()
    clang_tidy, root, tree = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), pathlib.Path(sys.argv[3])
    below = [folder.rstrip("/") + "/" for folder in sys.argv[4:] or FOLDERS]
    wanted = {file for folder in below for file in (root / folder).rglob("*.cpp")
              if suspends(file) and not BROKEN.search(str(file))}
    chosen, left = choose(tree, wanted)

    found, failed = set(), False
    with tempfile.TemporaryDirectory() as database:
        pathlib.Path(database, "compile_commands.json").write_text(json.dumps(chosen))
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for run in pool.map(lambda entry: tidy(clang_tidy, root, database, entry), chosen):
                found |= findings_in(run.stdout, root)
                if run.returncode != 0:
                    failed = True
                    print(run.stdout + run.stderr)

    missing, unexpected = expectation(root, below), 0
    for file, number, check in sorted(found):
        text = (root / file).read_text(encoding="utf-8").splitlines()[number - 1].strip()
        match = next((entry for entry in missing if entry[:2] == (file, check) and entry[2] in text), None)
        if match:
            missing.remove(match)
        else:
            unexpected += 1
        print(f"{'expected  ' if match else 'UNEXPECTED'}  {file}:{number}: {check}\n              {text}")
    for entry in missing:
        print(f"MISSING     {': '.join(entry)}")
    for file in sorted(left):
        print(f"not checked, because this build does not compile it: {file.relative_to(root)}")
    print(f"tidy: {len(found)} findings, {unexpected} unexpected, {len(missing)} missing,"
          f" {len(wanted - left)} sources in {time.monotonic() - started:.0f} s")
    return 1 if failed or unexpected or missing else 0


if __name__ == "__main__":
    sys.exit(main())
