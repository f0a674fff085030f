"""The watch thread reports a freeze and ends the server even if nobody reads stderr."""

import fcntl
import os
import signal
import termios
import time
import unittest.mock

import chat_server
import log_readers
from admin_client import ask
from chat_client import ChatClient
from chat_server import PATIENCE, ServerTest, run_tests
from connection import Connection

AT_ONCE = 2.0
END = "        the event loop"  # the last line of the stack and of the report


class LogUnreadFreeze(ServerTest):
    frozen_at_the_end = True

    def start_on(self, reader, *flags):
        """Starts a server whose log is stuck, or refuses each line, when this function returns."""
        self.addCleanup(reader.close)
        server = self.start(*flags, stderr=reader.descriptor)
        reader.given_away()
        for _ in range(150):  # 20 KB of lines, more than a terminal takes
            visitor = ChatClient(Connection(server.port, timeout=PATIENCE))
            visitor.upgrade()
            visitor.connection.close()
        return server

    def wait_for_report(self, server):
        deadline = time.monotonic() + PATIENCE
        while (answer := ask(server, "/api/stall")).status != 200 or not answer.json()["thread"]["stack"]:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        return answer.json()

    def test_the_freeze_is_reported_on_the_admin_plane(self):
        for name, start in log_readers.UNREAD.items():
            with self.subTest(name):
                server = self.start_on(start())
                self.join(server).say("hello")
                self.assertEqual(self.wait_for_report(server)["verdict"], "deadlock")
                self.assertEqual(ask(server, "/healthz").status, 503)
                server.signal(signal.SIGTERM)
                self.assertEqual(server.wait(AT_ONCE), 3)

    def test_on_stall_exit_ends_the_server_with_3(self):
        for name, start in log_readers.UNREAD.items():
            with self.subTest(name):
                server = self.start_on(start(), "--on-stall", "exit")
                self.join(server).say("hello")
                self.assertEqual(server.wait(), 3)

    def test_a_stopped_terminal_shows_the_whole_report_when_it_continues(self):
        terminal = log_readers.stopped_terminal()
        server = self.start_on(terminal)
        self.join(server).say("hello")
        self.wait_for_report(server)
        terminal.press(log_readers.CTRL_Q)
        report = terminal.read_to(END)
        self.assertIn("verdict=deadlock", report)
        self.assertRegex(report, r"HOLDS the lock: say, session 151")

    def test_a_frozen_server_ends_with_3_when_its_terminal_closes(self):
        terminal = log_readers.Terminal()

        def own_terminal():
            os.setsid()
            fcntl.ioctl(terminal.descriptor, termios.TIOCSCTTY, 0)

        with unittest.mock.patch.object(chat_server, "die_with_parent", own_terminal):
            server = self.start_on(terminal)
        self.join(server).say("hello")
        self.wait_for_report(server)
        terminal.hang_up()
        self.assertEqual(server.wait(AT_ONCE), 3)


if __name__ == "__main__":
    run_tests()
