"""--check-locks reports the mistake itself, before anything freezes."""

import re
import signal
import subprocess

from chat_server import ServerTest, run_tests
from source_lines import named_after, source_at

WARNING = "lock held across a suspension"


class CheckLocks(ServerTest):
    frozen_at_the_end = True

    def say_one_message(self, mode, **options):
        server = self.start("--check-locks", mode, **options)
        client = self.join(server)
        self.assertNotIn(WARNING, server.log())  # the welcome took the lock but released it
        client.say("hello")
        return server

    def assert_names_both_lines(self, log):
        self.assertIn("task=say session=1", log)
        self.assertRegex(source_at(named_after("acquired_at=", log)), r"co_await .*\.lock\(")
        self.assertRegex(source_at(named_after("suspended_at=", log)), r"co_await from->reply\(")

    def test_warn_names_both_lines_before_the_freeze(self):
        server = self.say_one_message("warn")
        server.wait_for_log("loop is frozen")
        log = server.log()
        self.assert_names_both_lines(log)
        self.assertLess(log.index(WARNING), log.index("loop is frozen"))
        self.assertEqual(len(re.findall(WARNING, log)), 1)

    def test_abort_ends_the_server_instead_of_freezing_it(self):
        server = self.say_one_message("abort")
        self.assertEqual(server.wait(), -signal.SIGABRT)
        self.assert_names_both_lines(server.log())
        self.assertNotIn("frozen", server.log())

    def test_abort_is_134_even_for_the_first_process_of_a_container(self):
        """SIGABRT does not end a container's first process by default."""
        alone = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"]
        if subprocess.run([*alone, "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
            self.skipTest("this machine does not allow a new PID namespace")
        server = self.say_one_message("abort", under=alone)
        self.assertEqual(server.facts["pid"], "1")
        self.assertEqual(server.wait(), 128 + signal.SIGABRT)
        self.assert_names_both_lines(server.log())

    def test_off_logs_nothing(self):
        server = self.say_one_message("off")
        server.wait_for_log("loop is frozen")
        self.assertNotIn(WARNING, server.log())


if __name__ == "__main__":
    run_tests()
