"""An unread log blocks nothing, whatever kind of file stderr is: the chat continues, the admin plane answers, and
the dropped lines are counted."""

import fcntl
import os
import re
import resource
import signal
import subprocess
import tempfile
import termios
import time
import unittest.mock

import chat_server
import log_readers
from admin_client import ask, metrics
from chat_client import ChatClient
from chat_server import PATIENCE, ChatServer, ServerTest, run_tests
from connection import Connection

VISITORS = 2000  # two lines each
PROMPTLY = 0.5   # seconds; normal is a millisecond, and a loop that waits for the log takes many seconds
AT_ONCE = 2.0


def dropped(server):
    return metrics(server)["chat_dropped_log_lines_total"]


class LogUnread(ServerTest):
    def start_on(self, reader, *flags, **options):
        self.addCleanup(reader.close)
        server = self.start(*flags, stderr=reader.descriptor, **options)
        reader.given_away()
        return server

    def visit(self, server):
        visitor = ChatClient(Connection(server.port, timeout=PATIENCE))
        visitor.upgrade()
        visitor.connection.close()

    def assert_answers_promptly(self, server, talker):
        said = time.monotonic()
        talker.say("anybody?")
        talker.take("ack")
        self.assertLess(time.monotonic() - said, PROMPTLY)

    def assert_nobody_is_held_up(self, server, visitors=VISITORS):
        """Checks that the chat answers promptly while many clients join and leave, and that the server then
        shuts down normally."""
        talker, listener = self.join(server), self.join(server)
        for n in range(visitors):
            self.visit(server)
            if n % 20 == 0:
                self.assert_answers_promptly(server, talker)
        self.assert_chat_works(server, talker, listener)
        self.assertEqual(ask(server, "/healthz").status, 200)
        self.assertEqual(metrics(server)['chat_stalls_total{verdict="blocked"}'], 0)
        self.assertGreater(dropped(server), 0)
        server.signal(signal.SIGTERM)
        for client in (talker, listener):
            self.assertEqual(client.take_close().code, 1001)
        self.assertEqual(server.wait(AT_ONCE), 0)

    def test_a_terminal_that_nobody_reads(self):
        self.assert_nobody_is_held_up(self.start_on(log_readers.Terminal()))

    def test_a_terminal_that_is_read_at_4_kb_a_second(self):
        self.assert_nobody_is_held_up(self.start_on(log_readers.SlowTerminal()))

    def test_a_terminal_that_is_stopped_by_ctrl_s(self):
        self.assert_nobody_is_held_up(self.start_on(log_readers.stopped_terminal()))

    def test_a_terminal_that_has_hung_up(self):
        self.assert_nobody_is_held_up(self.start_on(log_readers.hung_up_terminal()), visitors=200)

    def test_a_pipe_that_nobody_reads(self):
        self.assert_nobody_is_held_up(self.start_on(log_readers.pipe()))

    def test_a_fifo_that_nobody_reads(self):
        self.assert_nobody_is_held_up(self.start_on(log_readers.fifo()))

    def test_a_socket_that_nobody_reads(self):
        self.assert_nobody_is_held_up(self.start_on(log_readers.socket_pair()))

    def test_a_full_disk(self):
        self.assert_nobody_is_held_up(self.start_on(log_readers.full_disk()), visitors=200)

    def test_a_file_that_has_reached_its_limit(self):
        """The kernel sends SIGXFSZ, which must not end the server. The log continues when there is room."""
        limits = (8192, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
        with unittest.mock.patch.object(chat_server, "die_with_parent", lambda: resource.setrlimit(
                resource.RLIMIT_FSIZE, limits)):
            server = self.start()
        talker = self.join(server)
        while dropped(server) == 0:
            self.visit(server)
        self.assert_answers_promptly(server, talker)
        self.assertEqual(len(server.log()), limits[0])
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (limits[1], limits[1]))
        self.visit(server)
        server.wait_for_log("log lines dropped=")
        self.assertRegex(server.log(), r"(?m)^\[.*\] \[chat\] \[warning\] log lines dropped=\d+$")

    def test_the_log_continues_when_it_is_read_again_and_says_how_many_lines_were_dropped(self):
        for name, start in (("pipe", log_readers.pipe), ("terminal", log_readers.stopped_terminal)):
            with self.subTest(name):
                reader = start()
                server = self.start_on(reader)
                while dropped(server) == 0:
                    self.visit(server)
                if name == "terminal":
                    reader.press(log_readers.CTRL_Q)
                reader.read_to("log lines dropped=")
                self.join(server, "/?name=witness")
                logged = re.findall(r"log lines dropped=(\d+)\n", reader.read_to("witness"))
                self.assertEqual(sum(int(lines) for lines in logged), dropped(server))

    def test_the_last_lines_of_the_log_can_be_read_after_the_end(self):
        reader = log_readers.pipe()
        server = self.start_on(reader)
        self.join(server)
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 0)
        self.assertTrue(reader.read_to("bye").endswith("bye\n"))

    def test_a_background_job_is_not_stopped_by_a_terminal_that_has_tostop(self):
        terminal = log_readers.Terminal()
        terminal.stop_background_writers()

        def become_a_background_job():
            own_terminal(terminal.descriptor)
            job = os.fork()
            if job:  # the session leader plays the shell
                os.closerange(3, 1000)
                os._exit(os.waitstatus_to_exitcode(os.waitpid(job, 0)[1]))
            chat_server_dies_with_parent()
            os.setpgid(0, 0)

        chat_server_dies_with_parent = chat_server.die_with_parent
        with unittest.mock.patch.object(chat_server, "die_with_parent", become_a_background_job):
            server = self.start_on(terminal)
        self.join(server, "/?name=witness")
        terminal.read_to("witness")
        self.assert_chat_works(server)
        os.kill(int(server.facts["pid"]), signal.SIGTERM)
        self.assertEqual(server.wait(), 0)

    def test_the_server_shuts_down_when_its_terminal_closes(self):
        """The kernel sends SIGHUP, and the log can no longer be written."""
        terminal = log_readers.Terminal()
        with unittest.mock.patch.object(chat_server, "die_with_parent",
                                        lambda: own_terminal(terminal.descriptor)):
            server = self.start_on(terminal)
        client = self.join(server)
        terminal.hang_up()
        self.assertEqual(client.take_close().code, 1001)
        self.assertEqual(server.wait(AT_ONCE), 0)

    def test_an_unread_error_message_does_not_keep_the_program_from_ending(self):
        taken = self.start()
        terminal = log_readers.stopped_terminal()
        self.addCleanup(terminal.close)
        refused = subprocess.run([ChatServer.program, "--port", str(taken.port), "--no-admin"],
                                 stdout=subprocess.PIPE, stderr=terminal.descriptor, timeout=PATIENCE)
        self.assertEqual((refused.returncode, refused.stdout), (1, b""))

    def test_no_socket_gets_the_descriptor_of_a_closed_stderr(self):
        """Otherwise the log would be sent to that socket."""
        with unittest.mock.patch.object(chat_server, "die_with_parent", lambda: os.close(2)):
            server = self.start()
        self.assertEqual(os.readlink(f"/proc/{server.process.pid}/fd/2"), "/dev/null")
        self.assert_chat_works(server)


def own_terminal(descriptor):
    """Runs in the child: makes this its controlling terminal."""
    os.setsid()
    fcntl.ioctl(descriptor, termios.TIOCSCTTY, 0)


if __name__ == "__main__":
    run_tests()
