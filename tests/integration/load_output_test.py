"""If a file, the terminal or the shell fails, chat-load still prints the summary, tries each file, and
reports the failure in its exit code."""

import contextlib
import json
import os
import pty
import resource
import signal
import socket
import subprocess
import tempfile
import threading

from load_testing import CHAT_LOAD, check, fake_server

FOLDER = tempfile.TemporaryDirectory()
BRIEF = ["--clients", "3", "--duration", "200ms"]


def path(name):
    return os.path.join(FOLDER.name, name)


def start(*flags, **popen):
    command = [CHAT_LOAD, "--url", f"ws://127.0.0.1:{port}/", *flags]
    return subprocess.Popen(command, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **popen})


class Ended:
    """The output and exit code of a finished process."""

    def __init__(self, process, within=15):
        try:
            out, err = process.communicate(timeout=within)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
        self.code, self.out, self.err = process.returncode, (out or b"").decode(), (err or b"").decode()

    def __str__(self):
        return f"exit {self.code}\n{self.out}{self.err}"


def run(*flags, **popen):
    return Ended(start(*flags, **popen))


def on_terminal(*flags, **environment):
    """Returns everything that a run writes to a terminal."""
    ours, theirs = pty.openpty()
    variables = {k: v for k, v in os.environ.items() if k not in ("TERM", "NO_COLOR")} | environment
    process = start(*flags, stdout=theirs, stderr=theirs, env=variables)
    os.close(theirs)
    seen = b""
    with contextlib.suppress(OSError):
        while chunk := os.read(ours, 65536):
            seen += chunk
    os.close(ours)
    process.wait(timeout=15)
    return seen.decode()


def file_size_limit():
    # Not 0: ThreadSanitizer writes a file before main(), and only a write that can write nothing raises SIGXFSZ.
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))


with fake_server("well") as (port, _), FOLDER:
    # ---- files
    done = run(*BRIEF, "--json", "/dev/full", "--html", path("page.html"))
    check("a full disk loses neither the summary nor the page",
          "ALIVE" in done.out and os.path.getsize(path("page.html")) > 1000, done)
    check("  and is reported, with exit 1", done.code == 1 and "/dev/full" in done.err and "No space" in done.err, done)
    done = run(*BRIEF, "--json", path("a.json"), "--html", path("b.html"), preexec_fn=file_size_limit)
    check("a file size limit does not kill the program or lose the summary",
          done.code == 1 and "ALIVE" in done.out and done.err.count("File too large") == 2, done)

    os.mkfifo(path("fifo"))
    with subprocess.Popen(["cat", path("fifo")], stdout=subprocess.PIPE) as cat:
        done = run(*BRIEF, "--json", path("fifo"))
        got = cat.communicate(timeout=15)[0]
    check("a named pipe is opened once, and its reader gets the whole report", done.code == 0 and json.loads(got)["verdict"] == "alive", done)
    process = start(*BRIEF, "--json", path("fifo"), "--html", path("c.html"))
    with open(path("fifo"), "rb"):
        pass
    done = Ended(process)
    check("a reader that closes its pipe early loses the report, but not the summary or the page",
          done.code == 1 and "ALIVE" in done.out and "Broken pipe" in done.err and os.path.getsize(path("c.html")) > 1000, done)

    # ---- standard output
    for name in ("-", "/dev/stdout"):
        done = run(*BRIEF, "--json", name)
        check(f"--json {name} writes to standard output, and the summary goes to standard error",
              done.code == 0 and json.loads(done.out)["verdict"] == "alive" and "ALIVE" in done.err, done)
    done = run(*BRIEF, "--json", "-", "--quiet")
    check("  with --quiet there is no summary", json.loads(done.out)["verdict"] == "alive" and done.err == "", done)
    done = run(*BRIEF, "--html", "-")
    check("--html - writes the page to standard output", done.out.startswith("<!doctype html>") and "ALIVE" in done.err, done)
    check("--json - and --html - together are an error", run("--json", "-", "--html", "-").code == 2, "")
    run(*BRIEF, "--json", path("a.json"))
    for flags in (BRIEF, ["--help"], ["--version"], ["compare", path("a.json"), path("a.json")], [*BRIEF, "--json", "-"]):
        command = [CHAT_LOAD, *flags] if flags[0] != "--clients" else [CHAT_LOAD, "--url", f"ws://127.0.0.1:{port}/", *flags]
        with open("/dev/full", "wb") as full:
            done = Ended(subprocess.Popen(command, stdout=full, stderr=subprocess.PIPE))
        check(f"standard output on a full disk gives exit 1: {flags[0]}", done.code == 1 and "standard output" in done.err, done)
    done = run(*BRIEF, "--json", path("d.json"), preexec_fn=lambda: os.close(1))
    check("without standard output chat-load fails but writes its report",
          done.code == 1 and os.path.getsize(path("d.json")) > 100, done)

    # ---- terminals
    check("a terminal gets colours", "\x1b[" in on_terminal(*BRIEF, TERM="xterm"), "")
    for why, environment in (("TERM=dumb", {"TERM": "dumb"}), ("no TERM", {}), ("an empty TERM", {"TERM": ""}),
                             ("NO_COLOR", {"TERM": "xterm", "NO_COLOR": "1"})):
        seen = on_terminal(*BRIEF, **environment)
        check(f"  but with {why} there is no escape sequence", "\x1b" not in seen and "ALIVE" in seen, seen)
    check("  and a pipe gets none", "\x1b" not in str(run(*BRIEF)), "")

    # ---- signals
    def interrupted_by(signals, **popen):
        process = start("--clients", "3", "--duration", "60s", "--json", path("s.json"), **popen)
        threading.Timer(1.0, lambda: [process.send_signal(s) for s in signals]).start()
        return Ended(process)

    for signals in ([signal.SIGHUP], [signal.SIGHUP, signal.SIGHUP], [signal.SIGTERM]):
        done = interrupted_by(signals)
        with open(path("s.json"), encoding="utf-8") as file:
            report = json.load(file)
        check(f"{' and '.join(s.name for s in signals)} ends the run and writes the report so far",
              done.code == 1 and "INTERRUPTED" in done.out and report["interrupted"], done)
    process = start("--clients", "3", "--duration", "2s", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    threading.Timer(1.0, process.send_signal, [signal.SIGHUP]).start()
    done = Ended(process)
    check("SIGHUP stays ignored under nohup", done.code == 0 and "ALIVE" in done.out, done)

for flags in (["--rate", "1e-10"], ["--rate", "1e-320"], ["--rate", "1e7", "--senders", "3"], ["--warmup", "1440m"],
              ["--duration", "1440m"], ["--timeout", "1440m", "--connect-timeout", "1440m"],
              ["--rate", "1e7", "--warmup", "1440m"]):
    with fake_server("well") as (port, _):
        process = start("--clients", "3", *(flags if "--duration" in flags else [*flags, "--duration", "60s"]))
        threading.Timer(1.0, process.send_signal, [signal.SIGINT]).start()
        done = Ended(process, within=10)
        check(f"Ctrl-C ends a run with {' '.join(flags)}", done.code == 1 and "INTERRUPTED" in done.out, done)

with fake_server("flood") as (port, _):
    process = start("--clients", "1", "--duration", "60s", "--timeout", "30s")
    threading.Timer(1.0, process.send_signal, [signal.SIGINT]).start()
    done = Ended(process, within=10)
    check("Ctrl-C ends a run against a server that never stops sending", done.code == 1 and "INTERRUPTED" in done.out, done)

# ---- Ctrl-C while clients still join a server that never answers
with socket.create_server(("127.0.0.1", 0)) as silent:
    port = silent.getsockname()[1]
    process = start("--clients", "2", "--slow-readers", "1", "--connect-timeout", "60m")
    accepted, _ = silent.accept()
    process.send_signal(signal.SIGINT)
    done = Ended(process)
    accepted.close()
    check("Ctrl-C ends a run whose clients and slow readers have not joined yet", done.code == 1, done)
