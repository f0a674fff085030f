"""Checks whether the server's diagnosis can be believed. Provokes each cause many times: the server must name
it every time. Then leaves servers idle and puts them under full load: they must report nothing. Run as
`verdicts.py FOLDER-OF-PROGRAMS`; scripts/verdicts.sh builds the programs and runs it."""

import argparse
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import time

from admin_client import AT_ONCE, Events, ask
from chat_client import ChatClient
from chat_server import PATIENCE, ChatServer, die_with_parent
from connection import Connection

STALL_AFTER = 250    # ms, the server's default
STARVE_AFTER = 500   # ms, instead of the default of 2 s
DETECTED = 1.2 * STALL_AFTER + 50
LIVING = ("std-released", "async-released", "async-across_await")
VERDICT = re.compile(r"^   ([A-Z]+)  ", re.MULTILINE)
ALARM = re.compile(r"\[(?:critical|warning)\] (?:loop|lock) is .* for_ms=(\d+)")
FROZEN_ANSWERS = {"/": 200, "/healthz": 503, "/metrics": 200, "/api/state": 200, "/api/stall": 200,
                  "/api/events": 200}
LOAD = "--clients 200 --senders 10 --quiet --connect-timeout 20s"


def start(folder, build, *flags):
    ChatServer.program = os.path.join(folder, f"chat-server-{build}")
    return ChatServer(*flags)


def join(server, **options):
    client = ChatClient(Connection(server.port, timeout=PATIENCE, **options))
    client.upgrade()
    client.take("welcome")
    return client


def freeze(folder):
    server = start(folder, "std-across_await")
    server.clients = [join(server)]
    server.clients[0].say("hello")
    return server


def starve(folder):
    """Sends messages until a client that does not read keeps the lock held."""
    server = start(folder, "async-across_await", "--starve-after", f"{STARVE_AFTER}ms", "--write-timeout", "1m")
    server.clients = [join(server), join(server, receive_buffer=4096)]
    for number in range(2000):
        server.clients[0].say("x" * 4000, ref=number)
        try:
            server.clients[0].take("ack", within=STARVE_AFTER / 1000)
        except TimeoutError:
            return server
    raise AssertionError("the clients did not starve")


def fault(name):
    return lambda folder: start(folder, "async-released", "--fault", name)


CAUSES = {
    "one message to build/std": (freeze, "DEADLOCK"),
    "--fault deadlock": (fault("deadlock"), "DEADLOCK"),
    "--fault sleep": (fault("sleep"), "BLOCKED"),
    "--fault spin": (fault("spin"), "SPINNING"),
    "--fault flood": (fault("flood"), "CONGESTED"),
    "a reader that never reads": (starve, "STARVED"),
}


def verdict_of(server):
    """Returns the verdict of the server's first report, and after how many ms the report came."""
    server.wait_for_log(" for_ms=")
    deadline = time.monotonic() + PATIENCE
    while not (found := VERDICT.search(server.log())):
        if time.monotonic() > deadline:
            return "NONE", 0
        time.sleep(0.01)
    return found[1], int(ALARM.search(server.log())[1])


def each_cause(folder, times):
    rows, good = [], True
    for cause, (provoke, expected) in CAUSES.items():
        right, after = 0, []
        for number in range(times):
            progress(f"{cause}: {number + 1} of {times}")
            server = provoke(folder)
            try:
                verdict, ms = verdict_of(server)
            finally:
                server.close()
            right += verdict == expected
            after.append(ms)
        limit = STARVE_AFTER + 50 if expected == "STARVED" else DETECTED
        good = good and right == times and max(after) <= limit
        rows.append((cause, expected, f"{right} of {times}",
                     f"{min(after)} / {statistics.median(after):.0f} / {max(after)} ms", f"{limit:.0f} ms"))
    table(("cause", "verdict", "right", "after: least / median / most", "goal"), rows)
    return good


def answers_while_frozen(folder):
    server, rows, good = freeze(folder), [], True
    verdict_of(server)
    for path, expected in FROZEN_ANSWERS.items():
        worst, status = 0.0, 0
        for _ in range(5):
            before = time.monotonic()
            if path == "/api/events":
                events = Events(server)
                events.take()
                events.close()
                status = events.status
            else:
                status = ask(server, path).status
            worst = max(worst, time.monotonic() - before)
        good = good and status == expected and worst <= AT_ONCE
        rows.append((path, str(status), f"{worst * 1000:.1f} ms", f"{AT_ONCE * 1000:.0f} ms"))
    silent = Connection(server.port, timeout=1)
    silent.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    try:
        silent.response()
        good = False
        rows.append(("the chat port", "answers: WRONG", "", ""))
    except TimeoutError:
        rows.append(("the chat port", "no answer within 1 s", "", ""))
    server.close()
    table(("while frozen", "status", "worst of 5", "goal"), rows)
    return good


def alarms(server):
    return len(ALARM.findall(server.log()))


def silent_when_idle(folder, minutes):
    idle = {build: start(folder, build) for build in LIVING}
    clients = [join(server) for server in idle.values() for _ in range(3)]
    end = time.monotonic() + minutes * 60
    while (left := end - time.monotonic()) > 0:
        progress(f"idle: {left / 60:.0f} minutes left")
        time.sleep(min(5, left))
        for client in clients:  # otherwise the server would close them as idle
            client.ping(b"still there?")
            client.wait_until(lambda c=client: c.pongs, "a pong")
            client.pongs.clear()
    rows, good = [], True
    for build, server in idle.items():
        rows.append((build, str(alarms(server))))
        good = good and alarms(server) == 0
        server.signal(signal.SIGTERM)
        server.wait()
        server.close()
    table((f"{minutes:g} minutes idle", "reports (expected: 0)"), rows)
    return good


def silent_under_load(folder, minutes):
    rows, good = [], True
    for build in LIVING:
        progress(f"full load: {build}, {minutes:g} minutes")
        server = start(folder, build)
        load = subprocess.run([os.path.join(folder, "chat-load"), "--url", server.facts["chat"], *LOAD.split(),
                               "--duration", f"{minutes * 60:g}s", "--json", "/dev/stdout"],
                              stdout=subprocess.PIPE, preexec_fn=die_with_parent, text=True, check=False)
        delivered = re.search(r'"delivered": *(\d+)', load.stdout)
        rows.append((build, f"{int(delivered[1]) if delivered else 0:,}", str(load.returncode),
                     str(alarms(server))))
        good = good and alarms(server) == 0 and load.returncode == 0
        server.close()
    table((f"{minutes:g} minutes of full load", "deliveries", "chat-load's exit code", "reports (expected: 0)"),
          rows)
    return good


def can_overwrite(stream):
    """True if the stream is a terminal that can overwrite a line, and plain text was not requested."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb" and not os.environ.get("NO_COLOR")


def progress(text):
    if can_overwrite(sys.stderr):
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def table(head, rows):
    if can_overwrite(sys.stderr):
        print("\r\x1b[K", end="", file=sys.stderr)
    for row in (head, ("---",) * len(head), *rows):
        print("| " + " | ".join(row) + " |")
    print(flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--idle", type=float, default=10)
    parser.add_argument("--load", type=float, default=2)
    options = parser.parse_args()
    results = []
    if options.times:
        results += [each_cause(options.folder, options.times), answers_while_frozen(options.folder)]
    if options.idle:
        results.append(silent_when_idle(options.folder, options.idle))
    if options.load:
        results.append(silent_under_load(options.folder, options.load))
    print("All results are as expected." if all(results) else "Some results are NOT as expected: see above.")
    return 0 if all(results) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
