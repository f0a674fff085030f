"""Four faults and their verdicts. (The fifth verdict, starvation, needs a slow reader: see starvation_test.py.)"""

import re
import signal
import time

from chat_server import SHUTDOWN_LIMIT, ServerTest, run_tests


class Fault(ServerTest):
    def provoke(self, fault, *flags):
        """Waits for the server's report. Returns the server and the verdicts in its log."""
        server = self.start("--fault", fault, *flags)
        server.wait_for_log("the last call first")
        return server, re.findall(r"^   ([A-Z]+)  ", server.log(), re.MULTILINE)

    def assert_recovered(self, server):
        server.wait_for_log("loop moves again")
        self.assert_chat_works(server)

    def test_a_task_that_waits_for_its_own_thread_is_a_deadlock(self):
        self.frozen_at_the_end = True
        server, verdicts = self.provoke("deadlock")
        self.assertEqual(verdicts, ["DEADLOCK"])
        self.assertIn("fault A", server.log())
        self.assertIn("fault B", server.log())

    def test_a_system_call_that_blocks_is_not_a_deadlock(self):
        server, verdicts = self.provoke("sleep")
        self.assertEqual(verdicts, ["BLOCKED"])
        self.assert_recovered(server)
        self.assertIn("provoke  server/watch/fault.cpp:", server.log())

    def test_a_stall_that_ends_in_time_still_allows_a_clean_shutdown(self):
        server = self.start("--fault", "sleep")
        client = self.join(server)
        server.wait_for_log("verdict=blocked")
        server.signal(signal.SIGTERM)
        server.wait_for_log("asked to end")
        self.assertEqual(client.take_close().code, 1001)
        self.assertEqual(server.wait(), 0)

    def test_a_shutdown_does_not_wait_for_a_stall_that_does_not_end(self):
        server = self.start("--fault", "hang")
        server.wait_for_log("verdict=blocked")
        asked = time.monotonic()
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(SHUTDOWN_LIMIT + 1), 3)
        self.assertGreater(time.monotonic() - asked, SHUTDOWN_LIMIT - 1)

    def test_a_handler_that_computes_is_spinning(self):
        server, verdicts = self.provoke("spin")
        self.assertEqual(verdicts, ["SPINNING"])
        self.assert_recovered(server)

    def test_too_many_handlers_are_congestion_and_not_a_freeze(self):
        server, verdicts = self.provoke("flood", "--on-stall", "exit")  # --on-stall ignores congestion
        self.assertEqual(verdicts, ["CONGESTED"])
        self.assert_recovered(server)
        self.assertNotIn("frozen", server.log())

    def test_a_healthy_server_reports_nothing(self):
        server = self.start()
        self.assert_chat_works(server)
        self.assertNotIn("critical", server.log())


if __name__ == "__main__":
    run_tests()
