"""The ready line on stdout: a reader that does not read it blocks nothing, and a server that cannot print it
ends."""

import os
import resource
import signal
import socket
import subprocess
import time

import log_readers
from chat_client import ChatClient
from chat_server import PATIENCE, ChatServer, ServerTest, die_with_parent, run_tests
from connection import Connection


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class ReadyLine(ServerTest):
    def run_on(self, stdout, *flags, **options):
        return subprocess.run([ChatServer.program, *(flags or ("--port", "0", "--no-admin"))],
                              stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=PATIENCE, **options)

    def assert_not_ready(self, ended, *reasons):
        self.assertEqual(ended.returncode, 1, ended.stderr)
        for reason in reasons:
            self.assertIn(reason, ended.stderr)

    def assert_runs_unread(self, stdout):
        """Checks that a server runs and ends normally although nobody reads its ready line."""
        port = free_port()
        process = subprocess.Popen([ChatServer.program, "--port", str(port), "--no-admin"], stdout=stdout,
                                   stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
        try:
            client = ChatClient(self.connect_when_it_listens(port))
            client.upgrade()
            client.say("hello")
            client.take("ack")
            process.send_signal(signal.SIGTERM)
            self.assertEqual(client.take_close().code, 1001)
            self.assertEqual(process.wait(PATIENCE), 0)
        finally:
            process.kill()
            process.wait()

    def connect_when_it_listens(self, port):
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                connection = Connection(port, timeout=PATIENCE)
                self.addCleanup(connection.close)
                return connection
            except ConnectionRefusedError:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.01)

    def test_a_full_pipe_does_not_block_the_chat(self):
        pipe = log_readers.pipe()
        self.addCleanup(pipe.close)
        os.write(pipe.descriptor, b"x" * 4096)
        self.assert_runs_unread(pipe.descriptor)

    def test_a_stopped_terminal_does_not_block_the_chat(self):
        terminal = log_readers.stopped_terminal()
        self.addCleanup(terminal.close)
        self.assert_runs_unread(terminal.descriptor)

    def test_it_is_printed_when_there_is_room(self):
        terminal = log_readers.stopped_terminal()
        self.addCleanup(terminal.close)
        process = subprocess.Popen([ChatServer.program, "--port", "0", "--no-admin"],
                                   stdout=terminal.descriptor, stderr=subprocess.DEVNULL,
                                   preexec_fn=die_with_parent)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        terminal.press(log_readers.CTRL_Q)
        self.assertIn("ready chat=ws://", terminal.read_to(f"pid={process.pid}"))

    def test_a_full_disk_exits_with_1(self):
        with open("/dev/full", "w") as full:
            self.assert_not_ready(self.run_on(full), "chat-server: ", "ready", "No space left on device")

    def test_a_file_at_its_size_limit_exits_with_1(self):
        with os.fdopen(os.memfd_create("stdout"), "w") as file:
            ended = self.run_on(file, preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_FSIZE, (10, resource.getrlimit(resource.RLIMIT_FSIZE)[1])))
            self.assert_not_ready(ended, "File too large")

    def test_a_closed_pipe_exits_with_1(self):
        reader, stdout = os.pipe()
        os.close(reader)
        try:
            self.assert_not_ready(self.run_on(stdout), "Broken pipe")
        finally:
            os.close(stdout)

    def test_help_and_version_on_a_full_disk_exit_with_1(self):
        for flag in ("--help", "--version"):
            with open("/dev/full", "w") as full:
                self.assert_not_ready(self.run_on(full, flag), "chat-server: ", "stdout")


if __name__ == "__main__":
    run_tests()
