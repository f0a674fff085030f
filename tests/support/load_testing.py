"""Helpers for the tests of chat-load: run it with a deadline, start a fake server, kill it at the end."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time

CHAT_LOAD = sys.argv[1]
HERE = os.path.dirname(os.path.abspath(__file__))


class Run:
    """A finished run of chat-load: exit code, output, report and duration."""

    def __init__(self, port, *flags, within=30.0, url=None):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "report.json")
            command = [CHAT_LOAD, "--url", url or f"ws://127.0.0.1:{port}/", "--json", path, *flags]
            begin = time.monotonic()
            done = subprocess.run(command, capture_output=True, text=True, timeout=within)
            self.seconds = time.monotonic() - begin
            self.code, self.out, self.err = done.returncode, done.stdout, done.stderr
            with contextlib.suppress(OSError, ValueError):
                with open(path, encoding="utf-8") as file:
                    self.report = json.load(file)

    def __str__(self):
        return f"exit {self.code} after {self.seconds:.1f} s\n{self.out}{self.err}"


@contextlib.contextmanager
def fake_server(fault):
    process = subprocess.Popen([sys.executable, os.path.join(HERE, "load_fake_server.py"), fault],
                               stdout=subprocess.PIPE, text=True)
    try:
        yield int(process.stdout.readline()), process.pid
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def check(claim, condition, run):
    if not condition:
        sys.exit(f"FAILED: {claim}\n{run}")
    print(f"ok: {claim}")
