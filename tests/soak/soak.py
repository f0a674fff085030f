"""Runs hundreds of misbehaving clients for minutes, and ten well-behaved (honest) ones that check every
message. scripts/soak.sh builds the server and runs this program."""

import argparse
import os
import pathlib
import re
import select
import signal
import statistics
import subprocess
import sys
import time

from chat_client import ChatClient
from chat_server import ChatServer, die_with_parent
from connection import Connection

HERE = pathlib.Path(__file__).resolve().parent

HONEST = 10
PAUSE = 0.5       # seconds between two messages of an honest client
PATIENCE = 20.0   # seconds to wait for an expected event
ROUNDS = 4        # each is chaos, then quiet for measuring
# The allocator keeps some of the memory that one round freed, but a leak grows with each round.
GROWTH = {"release": 8, "asan": 48}  # MiB of RSS, from the end of the first round to the end of the last

FLAGS = ("--history", "5000", "--max-rate", "50", "--handshake-timeout", "2s", "--idle-timeout", "20s",
         "--max-clients", "600")
# Limits that are hit within a minute. If one is not hit, the clients did not misbehave enough for a valid test.
EXPECTED = {"handshake_time", "bad_request", "message_bytes", "message_rate", "write_time"}


def can_overwrite(stream):
    """True if the stream is a terminal that can overwrite a line, and plain text was not requested."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb" and not os.environ.get("NO_COLOR")


class Failure(Exception):
    pass


class Honest:
    """Sends messages and receives everyone's. Its parser fails on any gap in the sequence."""

    def __init__(self, number, port):
        self.number = number
        self.client = ChatClient(Connection(port, timeout=PATIENCE))
        self.client.upgrade(f"/?name=honest-{number}")
        self.client.take("welcome")
        self.said = 0
        self.asked_at = None      # send time of the message that is not acknowledged yet
        self.next_say = time.monotonic() + PAUSE * number / HONEST
        self.heard = [0] * HONEST  # number of messages received from each honest client, in order
        self.messages = 0
        self.newest_ack = 0
        self.latencies = []

    def speak(self, now):
        if self.asked_at is None and now >= self.next_say:
            self.client.say(f"honest {self.number} {self.said}")
            self.said += 1
            self.asked_at, self.next_say = now, now + PAUSE
        elif self.asked_at is not None and now > self.asked_at + PATIENCE:
            raise Failure(f"honest client {self.number} had no ack for {PATIENCE} s")

    def hear(self):
        try:
            self.client.receive_some(time.monotonic())
        except TimeoutError:
            return
        for event in self.client.events[1:]:
            if event["type"] == "message":
                self.take_message(event["text"])
            elif event["type"] == "ack":
                self.newest_ack = event["seq"]
                self.latencies.append(time.monotonic() - self.asked_at)
                self.asked_at = None
            elif event["type"] != "presence":
                raise Failure(f"honest client {self.number} received {event}")
        # The parser needs only the first event. Keeping the others would fill our memory.
        del self.client.events[1:]
        self.client.messages.clear()
        self.client._pending.clear()

    def take_message(self, text):
        self.messages += 1
        if not text.startswith("honest "):
            return
        sender, number = map(int, text.split()[1:])
        if number != self.heard[sender]:
            raise Failure(f"honest client {self.number} received message {number} from client {sender}, "
                          f"expected {self.heard[sender]}")
        self.heard[sender] += 1


class Soak:
    def __init__(self, build, guard, clients, write_timeout):
        self.build, self.guard, self.crowd_size = build, guard, clients
        # Provoke a stall report at the start. To name the stack's functions the server reads some 50 MB, which
        # stay in memory and would look like growth if the first report came later.
        self.server = ChatServer("--fault", "sleep", "--write-timeout", write_timeout, *FLAGS)
        self.server.wait_for_log("loop moves again")
        self.server.wait_for_log("the last call first")
        self.started = time.monotonic()
        self.honest = [Honest(n, self.server.port) for n in range(HONEST)]
        self.lives = 0
        self.rss = []  # MiB after each round

    def run(self, minutes):
        if self.server.facts["guard"] != self.guard:
            raise Failure(f"the server is built with guard={self.server.facts['guard']}, expected {self.guard}")
        descriptors = self.count_descriptors()
        for number in range(ROUNDS):
            self.chaos(number, seconds=int(minutes * 60 / ROUNDS))
            self.settle(descriptors)
            self.rss.append(self.measure_rss())
            self.progress("quiet", end="\n")
        growth = self.rss[-1] - self.rss[0]
        if growth > GROWTH[self.build]:
            raise Failure(f"memory grows; RSS after each round, in MiB: {self.rss}")
        self.check_that_all_was_heard()
        self.shut_down()
        self.check_the_crowd()

    def chaos(self, number, seconds):
        crowd = subprocess.Popen(
            [sys.executable, "-B", str(HERE / "chaos.py"), str(self.server.port), str(self.crowd_size),
             str(seconds), str(number)], stdout=subprocess.PIPE, preexec_fn=die_with_parent, text=True)
        next_progress = 0
        while crowd.poll() is None:
            self.chat(talking=True)
            if time.monotonic() > next_progress:
                next_progress = time.monotonic() + 10
                self.progress(f"round {number + 1} of {ROUNDS}")
        if crowd.returncode != 0:
            raise Failure("chaos.py failed, not the server")
        lives, refused = map(int, crowd.stdout.read().split())
        if refused:
            raise Failure(f"{refused} connections were refused")
        self.lives += lives

    def settle(self, descriptors):
        """Waits until the server has closed the descriptors of the clients that have left."""
        deadline = time.monotonic() + PATIENCE
        while self.count_descriptors() != descriptors:
            if time.monotonic() > deadline:
                raise Failure(f"{self.count_descriptors()} descriptors, expected {descriptors}")
            self.chat(talking=True)

    def chat(self, talking):
        if not self.server.is_running():
            raise Failure(f"the server ended with {self.server.process.returncode}")
        for one in self.honest:
            if talking:
                one.speak(time.monotonic())
        sockets = {one.client.connection.socket: one for one in self.honest}
        for socket in select.select(sockets, [], [], 0.05)[0]:
            sockets[socket].hear()

    def check_that_all_was_heard(self):
        deadline = time.monotonic() + PATIENCE
        said = [one.said for one in self.honest]
        while any(one.heard != said or one.asked_at for one in self.honest):
            if time.monotonic() > deadline:
                raise Failure(f"sent {said}, received {[one.heard for one in self.honest]}")
            self.chat(talking=False)

    def shut_down(self):
        self.server.signal(signal.SIGTERM)
        codes = [one.client.take_close().code for one in self.honest]
        exit_code = self.server.wait(within=30)
        if set(codes) != {1001} or exit_code != 0:
            raise Failure(f"closed with {codes}, exit code {exit_code}")
        for alarm in ("Sanitizer", "runtime error", "[error]", "Assertion"):
            if alarm in self.server.log():
                raise Failure(f"the server's log contains {alarm}")

    def check_the_crowd(self):
        """Checks that the misbehaving clients hit the expected limits."""
        if self.lives == 0:
            raise Failure("no client misbehaved")
        if missing := EXPECTED - self.limits_hit().keys():
            raise Failure(f"limits never hit: {', '.join(sorted(missing))}; is the run too short, or are there too "
                          "few clients?")

    def limits_hit(self):
        """Returns how often each limit was hit, from the log lines that the server writes at its end."""
        return dict(re.findall(r"limit hit name=(\w+) times=(\d+)", self.server.log()))

    def count_descriptors(self):
        return len(os.listdir(f"/proc/{self.server.process.pid}/fd"))

    def measure_rss(self):
        status = pathlib.Path(f"/proc/{self.server.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) // 1024

    def progress(self, where, end=None):
        line = (f"  {time.monotonic() - self.started:5.0f} s  {where}: {self.count_descriptors()} descriptors, "
                f"RSS {self.measure_rss()} MiB, {self.lives} clients, {self.honest[0].messages} messages")
        if can_overwrite(sys.stdout):
            print(f"\r\033[K{line}", end=end or "", flush=True)
        elif end:
            print(line, flush=True)

    def summary(self):
        latencies = sorted(latency for one in self.honest for latency in one.latencies)
        heard = sum(sum(one.heard) for one in self.honest)
        print(f"  {self.lives} misbehaving clients; each honest client received {self.honest[0].messages} messages; "
              f"the honest clients sent {sum(one.said for one in self.honest)} and received {heard}: all, in order")
        print(f"  their acks took {1000 * statistics.median(latencies):.1f} ms (median), "
              f"{1000 * latencies[-1 - len(latencies) // 100]:.1f} ms (p99), {1000 * latencies[-1]:.1f} ms (max)")
        print(f"  RSS after each round: {self.rss} MiB")
        print("  limits hit: " + ", ".join(f"{name} {times}" for name, times in self.limits_hit().items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("server", help="path of chat-server")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--write-timeout", required=True, help="the server's write timeout")
    parser.add_argument("--guard", choices=("released", "across_await"), required=True, help="the guard that the server was built with")
    parser.add_argument("--build", choices=GROWTH, default="release")
    options = parser.parse_args()
    ChatServer.program = options.server
    # AddressSanitizer delays the reuse of freed memory. A bound on that memory keeps a leak visible.
    os.environ.setdefault("ASAN_OPTIONS", "quarantine_size_mb=16")
    soak = Soak(options.build, options.guard, options.clients, options.write_timeout)
    try:
        soak.run(options.minutes)
    except (Failure, AssertionError, OSError) as failure:
        print(f"\nFAILED after {time.monotonic() - soak.started:.0f} s: {failure}\n"
              f"The end of the server's log:\n{soak.server.log()[-3000:]}")
        return 1
    soak.summary()
    print("PASSED")
    return 0


if __name__ == "__main__":
    sys.exit(main())
