"""Runs a chat-server in its own process, and provides the base class of every integration test.

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

PATIENCE = 10.0  # seconds: the longest that a test waits for an event
SHUTDOWN_LIMIT = 5.0


def die_with_parent():
    """Runs in the child: makes the kernel kill the child if the test dies."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


class ChatServer:
    program = None  # path, from the command line

    def __init__(self, *flags, port=0, stderr=None, under=()):
        """`under` is a command that runs the server, such as `nohup`."""
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
                raise AssertionError(f"{line!r} instead of a ready line; stderr:\n{self.log()}")
            line += byte
        assert line.startswith(b"ready chat=ws://"), line
        return line.decode()

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, within=PATIENCE):
        """Returns the exit code; fails if the server does not end within that many seconds."""
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the server still runs after {within} s; stderr:\n{self.log()}") from None

    def is_running(self):
        return self.process.poll() is None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def log(self):
        """Returns what the server has written to stderr."""
        # The server shares the file's offset. A seek and a read would move the offset, and a line written in
        # between would overwrite the log's beginning.
        descriptor = self.stderr_file.fileno()
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode(errors="replace")

    def wait_for_log(self, text):
        """Waits until this text is on stderr, for events that no socket shows."""
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
    """Base class of the tests. After each test its server must shut down cleanly (unless the test has
    ended the server), and no sanitizer may have found anything."""

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
        """Returns a TCP connection on which nothing has been sent yet."""
        connection = Connection(server.port, timeout=PATIENCE, **options)
        self.addCleanup(connection.close)
        return connection

    def join(self, server, target="/", headers=(), **options):
        """Returns a client that has received its welcome."""
        client = ChatClient(self.connect(server, **options))
        client.upgrade(target, headers)
        client.take("welcome")
        return client

    def join_when_there_is_room(self, server, **options):
        """Joins a full server as soon as the server has noticed that a client left."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            client = ChatClient(self.connect(server, **options))
            try:
                if client.try_upgrade() == 101:
                    client.take("welcome")
                    return client
            except (Closed, ConnectionError):
                pass  # closed or reset before the handshake was answered
            client.connection.close()
        self.fail("the server stayed full")

    def assert_chat_works(self, server, *clients):
        """Checks that a message reaches each client and that their strict parsers find no mistake."""
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
