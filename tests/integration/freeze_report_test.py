"""The server explains its own freeze: which task holds the lock, which task waits for it, and in which lines."""

import os
import re
import signal

from chat_server import ServerTest, run_tests
from source_lines import named_after, source_at

END = "the event loop\n"  # the last line of the stack and of the report


class FreezeReport(ServerTest):
    frozen_at_the_end = True

    def report(self, *flags, name="alice"):
        """Freezes a server. Returns the server and its log, which contains the report."""
        server = self.start(*flags)
        self.join(server, f"/?name={name}").say("hello")
        server.wait_for_log(END)
        return server, server.log()

    def test_it_names_the_line_of_the_lock_and_the_line_of_the_co_await(self):
        """The lesson is about these lines."""
        _, report = self.report()
        self.assertRegex(source_at(named_after("takes it in", report)), r"co_await .*\.lock\(\{\"say\"")
        self.assertRegex(source_at(named_after("sleeps in", report)), r"co_await from->reply\(")
        self.assertRegex(source_at(named_after("asks in", report)), r"co_await .*\.lock\(\{\"fan_out\"")

    def test_it_reports_a_deadlock_and_names_both_tasks(self):
        _, report = self.report(name="bob")
        self.assertRegex(report, r"loop is frozen: .* verdict=deadlock for_ms=\d+\n")
        self.assertRegex(report, r"HOLDS the lock: say, session 1 \"bob\"")
        self.assertRegex(report, r"│ fan_out")
        self.assertRegex(report, r"Fix +release the guard before the co_await in server/chat/room.cpp:\d+")

    def test_the_stack_shows_where_the_thread_is_stopped(self):
        _, report = self.report()
        stack = report[report.index("the last call first"):]
        self.assertRegex(stack, r"lock +server/sync/blocking_mutex.hpp:\d+")

    def test_it_fits_on_a_screen(self):
        _, report = self.report()
        prose = report[report.index("DEADLOCK"):]
        self.assertLessEqual(len(prose.splitlines()), 35)
        self.assertLessEqual(max(len(line) for line in prose.splitlines()), 100)
        self.assertNotIn("\033", prose)  # no colour, because stderr is not a terminal

    def test_it_is_complete_before_on_stall_exit_ends_the_server(self):
        server = self.start("--on-stall", "exit", "--stall-after", "100ms")
        self.join(server).say("hello")
        self.assertEqual(server.wait(), 3)
        self.assertIn(END, server.log())

    def test_ctrl_c_still_ends_the_server(self):
        server, _ = self.report()
        server.signal(signal.SIGINT)
        self.assertEqual(server.wait(), 3)

    def test_a_log_without_a_reader_does_not_change_the_exit_code(self):
        unread, stderr = os.pipe()
        server = self.start("--on-stall", "exit", stderr=stderr)
        os.close(stderr)
        client = self.join(server)
        os.close(unread)
        client.say("hello")
        self.assertEqual(server.wait(), 3)

    def test_a_freeze_is_reported_once(self):
        """Even a long freeze is reported only once."""
        server = self.start("--stall-after", "20ms")
        self.join(server).say("hello")
        server.wait_for_log(END)
        server.signal(signal.SIGINT)  # the server waits half a second before it ends
        self.assertEqual(server.wait(), 3)
        self.assertEqual(len(re.findall("DEADLOCK", server.log())), 1)


if __name__ == "__main__":
    run_tests()
