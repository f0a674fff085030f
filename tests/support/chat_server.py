"""A chat-server in a process of its own, and the frame of every integration test.

Each test file is a program: `/usr/bin/python3 protocol_test.py PATH-OF-CHAT-SERVER [unittest options]`.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from chat_client import ChatClient
from connection import Closed, Connection

PATIENCE = 10.0  # seconds; no test waits longer for anything, and none waits for time alone
SHUTDOWN_LIMIT = 5.0


def die_with_parent():
    """Runs in the child: the kernel ends it when the test is killed."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


class ChatServer:
    program = None  # path, from the command line

    def __init__(self, *flags, port=0, stderr=None, under=()):
        """`under` is a command that runs the server, as `nohup` does."""
        self.stderr_file = tempfile.TemporaryFile()
        command = [*under, self.program, "--port", str(port), *flags]
        if not {"--admin-port", "--no-admin"} & set(flags):
            command += ["--admin-port", "0"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=stderr or self.stderr_file, preexec_fn=die_with_parent)
        self.ready_line = self._read_ready_line()
        self.facts = dict(word.split("=", 1) for word in self.ready_line.split()[1:])
        self.port = int(self.facts["chat"].rstrip("/").rsplit(":", 1)[1])
        self.flavour = f"{self.facts['mutex']}-{self.facts['guard']}"

    def _read_ready_line(self):
        deadline = time.monotonic() + PATIENCE
        line = b""
        while not line.endswith(b"\n"):
            readable, _, _ = select.select([self.process.stdout], [], [], deadline - time.monotonic())
            byte = os.read(self.process.stdout.fileno(), 1) if readable else b""
            if not byte:
                self.kill()
                raise AssertionError(f"no ready line, only {line!r}; stderr:\n{self.log()}")
            line += byte
        assert line.startswith(b"ready chat=ws://"), line
        return line.decode()

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, within=PATIENCE):
        """The exit code; fails when the server has not ended within so many seconds."""
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still runs after {within} s; stderr:\n{self.log()}") from None

    def is_running(self):
        return self.process.poll() is None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def log(self):
        """What it has written to stderr."""
        # The server writes at the same open file's offset, so that must not move: with seek and read, what
        # it writes in between would be written over its first lines.
        descriptor = self.stderr_file.fileno()
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode(errors="replace")

    def wait_for_log(self, text):
        """Until it has written this to stderr: the event that no socket shows."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.log():
            assert time.monotonic() < deadline, f"no {text!r} in stderr:\n{self.log()}"
            time.sleep(0.01)

    def close(self):
        if self.is_running():
            self.kill()
        self.process.stdout.close()
        self.stderr_file.close()


class ServerTest(unittest.TestCase):
    """Whatever a test does to its server, it must shut down cleanly afterwards (unless the test has
    ended it), and a sanitizer must have found nothing."""

    frozen_at_the_end = False
    alarms = ("Sanitizer", "runtime error", "[error]", "Assertion")

    def start(self, *flags, **options):
        server = ChatServer(*flags, **options)
        self.addCleanup(self._end, server)
        return server

    def _end(self, server):
        try:
            if server.is_running() and not self.frozen_at_the_end:
                server.signal(signal.SIGTERM)
                code = server.wait(SHUTDOWN_LIMIT + 1)
                self.assertEqual(code, 0, f"no clean shutdown; stderr:\n{server.log()}")
            server_log = server.log()
            for alarm in self.alarms:
                self.assertNotIn(alarm, server_log)
        finally:
            server.close()

    def connect(self, server, **options):
        """A TCP connection, nothing said yet."""
        connection = Connection(server.port, timeout=PATIENCE, **options)
        self.addCleanup(connection.close)
        return connection

    def join(self, server, target="/", headers=(), **options):
        """A client that has had its welcome."""
        client = ChatClient(self.connect(server, **options))
        client.upgrade(target, headers)
        client.take("welcome")
        return client

    def join_when_there_is_room(self, server, **options):
        """For a full server: that is when it has seen someone leave."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            client = ChatClient(self.connect(server, **options))
            try:
                if client.try_upgrade() == 101:
                    client.take("welcome")
                    return client
            except (Closed, ConnectionError):
                pass  # not even heard
            client.connection.close()
        self.fail("no place became free")

    def assert_chat_works(self, server, *clients):
        """What one says reaches each of them, and their strict parsers find nothing amiss."""
        clients = clients or (self.join(server), self.join(server))
        clients[0].say("still there?", ref="check")
        while (ack := clients[0].take("ack")).get("ref") != "check":
            pass
        for client in clients:
            self.assertEqual(client.read_to(ack["seq"])["text"], "still there?")


def run_tests():
    if len(sys.argv) < 2 or not os.access(sys.argv[1], os.X_OK):
        sys.exit(f"usage: {sys.argv[0]} PATH-OF-CHAT-SERVER [unittest options]")
    ChatServer.program = sys.argv.pop(1)
    unittest.main(verbosity=2)
