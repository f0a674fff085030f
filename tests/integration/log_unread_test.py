"""A log that nobody reads stops nobody: the pipe behind stderr is full, and the chat goes on."""

import os
import select
import unittest.mock

import chat_server
from admin_client import ask, metrics
from chat_server import PATIENCE, ServerTest, run_tests


class UnreadLog(ServerTest):
    def test_the_chat_goes_on_and_the_log_tells_what_is_missing(self):
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        server = self.start(stderr=writing)
        os.close(writing)
        talker = self.join(server)
        for _ in range(1000):  # two lines each: more than the 64 KiB of a pipe
            self.join(server).connection.close()
        self.assert_chat_works(server, talker, self.join(server))
        self.assertEqual(ask(server, "/healthz").status, 200)
        self.assertGreater(metrics(server)["chat_dropped_log_lines_total"], 0)
        log = b""
        while b"log lines dropped=" not in log:  # of those who come when there is room again
            self.assertTrue(select.select([reading], [], [], PATIENCE)[0], "nothing more is logged")
            log += os.read(reading, 65536)
            self.join(server).connection.close()

    def test_a_closed_stderr_is_given_to_no_socket(self):
        """Which would be sent the log."""
        with unittest.mock.patch.object(chat_server, "die_with_parent", lambda: os.close(2)):
            server = self.start()
        self.assertEqual(os.readlink(f"/proc/{server.process.pid}/fd/2"), "/dev/null")
        self.assert_chat_works(server)


if __name__ == "__main__":
    run_tests()
