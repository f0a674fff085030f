#!/usr/bin/env python3
"""check_snippets.py ROOT [--fix]: what a text quotes exists: code, links, output and commands.

In every Markdown file of the project each block of C++ is preceded by a line that names its file,

    <!-- snippet: server/chat/room.cpp -->

and each of its lines must stand in that file, one after another; indentation of the whole block may
differ. An exercise.cpp that its reader has solved (see check_exercise.py) need not be as quoted.
A block without that line is an error, as is a link to a file or a line that is not there:
[room.cpp:54](../server/chat/room.cpp#L54 "co_await") must find the quoted words in that line.
Output that is quoted names lines as well: where it says that the lock is taken, or asked for, there must
be a lock(, and where a task sleeps a co_await.

Commands in blocks of sh are checked by what they name: scripts and their options, presets, targets, cache
variables, and the options of our programs. (Lessons' commands are also run, by other tests.)

When lines have moved, --fix writes the new numbers into such links: the nearest line with the words.
"""
import json
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
SHELL = ("```sh", "```bash")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]+")
SCRIPT = re.compile(r"(?:\./)?(scripts/[\w-]+\.sh)\b([^|;&]*)")
PROGRAM = re.compile(r"\bbuild/[\w./-]+/bin/(chat-server|chat-load)\b([^|;&]*)")
SKIPPED = {"build", "node_modules", ".git"}
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


class project_names:
    """What the commands of a text may name."""

    def __init__(self, root: pathlib.Path):
        self.root = root
        cmake = [root / "CMakeLists.txt", *root.glob("*/**/CMakeLists.txt"), *root.glob("*/**/*.cmake")]
        self.cmake = "\n".join(each.read_text(encoding="utf-8") for each in cmake
                               if not SKIPPED & set(each.relative_to(root).parts))
        presets = json.loads((root / "CMakePresets.json").read_text(encoding="utf-8"))
        self.presets = {each["name"] for each in presets["configurePresets"] if not each.get("hidden")}
        self.programs = {name: (root / folder / "options.cpp").read_text(encoding="utf-8")
                         for name, folder in (("chat-server", "server"), ("chat-load", "client"))}

    def script_problems(self, command: str):
        for name, arguments in SCRIPT.findall(command):
            script = self.root / name
            if not script.is_file():
                yield f"{name} is not there"
                continue
            known = script.read_text(encoding="utf-8")
            for option in OPTION.findall(arguments.partition("#")[0]):
                if option not in known:
                    yield f"{name} has no {option}"

    def program_problems(self, command: str):
        for name, arguments in PROGRAM.findall(command):
            for option in OPTION.findall(arguments.partition("#")[0]):
                if option not in self.programs[name] and option not in ("--help", "--version"):
                    yield f"{name} has no {option}"

    def cmake_problems(self, command: str):
        for preset in re.findall(r"--preset (\S+)", command):
            if preset not in self.presets:
                yield f"there is no preset {preset}"
        for variable in re.findall(r"-D(CHAT_\w+)", command):
            if not re.search(rf"\b{variable}\b", self.cmake):
                yield f"there is no cache variable {variable}"
        for targets in re.findall(r"--target ((?:[\w-]+ ?)+)", command):
            for target in targets.split():
                # chat_lesson() and chat_unit_test() make names of their arguments.
                if target.startswith("-"):
                    break
                made = re.match(r"lesson_\d\d_\w+$|\w+_test$", target)
                if not made and not re.search(rf"(?<![\w-]){re.escape(target)}(?![\w-])", self.cmake):
                    yield f"there is no target {target}"

    def problems(self, text: list[str]):
        """Yields (line number, what is wrong) for each command that names something unknown."""
        inside, command, start = False, "", 0
        for number, line in enumerate(text, 1):
            if line.startswith("```"):
                inside, command = line in SHELL, ""
            elif inside:
                start = start if command else number
                command += " " + line.removesuffix("\\")
                if line.endswith("\\"):
                    continue
                for check in (self.script_problems, self.program_problems, self.cmake_problems):
                    for what in check(command):
                        yield start, what
                command = ""


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
    texts = [file for file in sorted(root.rglob("*.md")) if not SKIPPED & set(file.relative_to(root).parts)]
    names = project_names(root)
    problems = []
    for file in texts:
        if "--fix" in sys.argv[2:]:
            fix_links(file)
        text = lines_of(file)
        found = [*snippet_problems(text, root), *link_problems(text, file.parent),
                 *label_problems(text), *output_problems(text, root), *names.problems(text)]
        problems += [f"{file.relative_to(root)}:{number}: {what}" for number, what in sorted(found)]
    print("\n".join(problems) or f"{len(texts)} texts are right")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
