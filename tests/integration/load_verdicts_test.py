"""The verdicts frozen, starved and alive, and their exit codes, with a fake server and the four real ones."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

from load_testing import CHAT_LOAD, Run, check, fake_server

PROGRAMS = sys.argv[2]


@contextlib.contextmanager
def real_server(flavour):
    process = subprocess.Popen([os.path.join(PROGRAMS, f"chat-server-{flavour}"), "--port", "0",
                                "--no-admin"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        ready = process.stdout.readline()
        yield int(ready.split("chat=ws://127.0.0.1:")[1].split("/")[0])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


with fake_server("well") as (port, pid):
    threading.Timer(1.0, os.kill, (pid, signal.SIGSTOP)).start()
    run = Run(port, "--clients", "20", "--timeout", "1s", "--duration", "10s", "--html", os.devnull)
    check("a server stopped in the middle of a run is frozen", run.code == 3, run)
    froze = run.report["froze"]
    check("  no client gets a pong, and no new handshake completes",
          froze["timed_out_clients"] == 20 and froze["handshake"] == "timed_out", run)
    check("  and the report says since when", 500 < froze["at_ms"] < 2000 and froze["after_messages"] > 1, run)
    check("  and the run ends early", run.seconds < 6, run)

with fake_server("starve") as (port, _):
    run = Run(port, "--clients", "5", "--timeout", "1s", "--duration", "2s", "--expect", "starved")
    check("pongs and handshakes but no messages: starved, as expected", run.code == 0, run)
    check("  starting with the sixth message", run.report["starved"]["after_messages"] == 6, run)
with fake_server("starve") as (port, _):
    run = Run(port, "--clients", "5", "--timeout", "500ms", "--duration", "1s")
    check("starved, but alive was expected: exit 6", run.code == 6, run)
with fake_server("thaw") as (port, _):
    run = Run(port, "--clients", "5", "--timeout", "500ms", "--duration", "3s")
    check("a server that recovers still counts as starved", run.code == 6 and run.report["starved"]["ended"], run)
    check("  for as long as the starvation lasted", 1400 < run.report["starved"]["silent_ms"] < 2500, run)
    check("  and nothing was lost", run.report["lost"] == 0 and run.report["sent"] > 10, run)
with fake_server("well") as (port, _):
    run = Run(port, "--clients", "5", "--duration", "300ms", "--expect", "frozen")
    check("alive, but frozen was expected: exit 4", run.code == 4, run)

with fake_server("well") as (port, _):
    with tempfile.NamedTemporaryFile() as file:
        process = subprocess.Popen([CHAT_LOAD, "--url", f"ws://127.0.0.1:{port}/", "--duration", "60s",
                                    "--json", file.name], stdout=subprocess.PIPE, text=True)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=10)
        report = json.load(file)
    check("Ctrl-C prints the report so far", process.returncode == 1 and "delivered" in out and "INTERRUPTED after" in out
          and "lost" not in out, out)
    check("  and the report says interrupted and does not count pending messages as lost",
          report["interrupted"] and report["lost"] == 0
          and report["delivered"] + report["not_awaited"] == report["expected"], report)

for clients in ("1", "2", "50"):
    with real_server("std-across_await") as port:
        run = Run(port, "--clients", clients, "--timeout", "1s", "--expect", "frozen")
        check(f"std::mutex across the await freezes on the first message with {clients} client(s)",
              run.code == 0 and run.report["froze"]["after_messages"] == 1, run)
for flavour in ("async-across_await", "std-released", "async-released"):
    with real_server(flavour) as port:
        run = Run(port, "--duration", "1s", "--senders", "5")
        check(f"{flavour} stays alive, and nothing is lost, duplicated or out of order", run.code == 0, run)
        check("  and the report names the server's mutex and guard",
              "-".join(run.report["server"].values()) == flavour, run)
