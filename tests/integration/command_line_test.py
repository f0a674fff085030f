"""The command line: an error is reported in one line that says what to do."""

import resource
import socket
import subprocess

from chat_server import PATIENCE, ChatServer, ServerTest, run_tests


class CommandLine(ServerTest):
    def run_with(self, *flags, **options):
        return subprocess.run([ChatServer.program, *flags], capture_output=True, text=True,
                              timeout=PATIENCE, **options)

    def assert_refused(self, code, flags, *hints, **options):
        """Expects this exit code and one line on stderr that contains each hint. Returns the line."""
        ended = self.run_with(*flags, **options)
        self.assertEqual((ended.returncode, ended.stdout), (code, ""), flags)
        self.assertEqual(ended.stderr.count("\n"), 1, ended.stderr)
        self.assertTrue(ended.stderr.startswith("chat-server: "), ended.stderr)
        for hint in hints:
            self.assertIn(hint, ended.stderr)
        return ended.stderr

    def test_a_port_in_use_exits_with_1_and_suggests_another_port(self):
        server = self.start()
        self.assert_refused(1, ["--port", str(server.port)], str(server.port), "in use", "--port")
        self.assert_chat_works(server)

    def test_an_address_of_another_machine_exits_with_1(self):
        self.assert_refused(1, ["--address", "192.0.2.1", "--port", "0"], "192.0.2.1")

    def test_a_descriptor_limit_that_leaves_none_for_clients_exits_with_1_and_does_not_blame_the_port(self):
        for files in (4, 84):
            said = self.assert_refused(
                1, ["--port", "0"], "descriptors", f"the limit is {files}", "ulimit",
                preexec_fn=lambda most=files: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most)))
            self.assertNotIn("listen", said)
        self.assert_refused(1, ["--port", "0", "--no-admin"], "the limit is 20", preexec_fn=lambda:
                            resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20)))

    def test_a_port_is_free_again_after_the_server_ends(self):
        """Its old connections still linger in the kernel."""
        first = self.start()
        client = self.join(first)
        first.signal(2)
        client.take_close()
        self.assertEqual(first.wait(), 0)
        self.assert_chat_works(self.start(port=first.port))

    def test_an_unknown_flag_exits_with_2(self):
        self.assert_refused(2, ["--prot", "8080"], "--prot", "--help")
        self.assert_refused(2, ["surprise"], "surprise", "--help")

    def test_a_bad_number_exits_with_2(self):
        for flags in (["--port", "eighty"], ["--port", "65536"], ["--port", "-1"], ["--port"],
                      ["--admin-port", "65536"],
                      ["--history", "0"], ["--history", "1e3x"], ["--max-clients", "0"],
                      ["--max-rate", "-1"], ["--max-message-bytes", "1.5"],
                      ["--history-bytes", "99999999999999999999"]):
            self.assert_refused(2, flags, flags[0], "--help")
            if len(flags) > 1:
                self.assert_refused(2, flags, f"'{flags[1]}'", "whole number from")

    def test_a_bad_duration_exits_with_2(self):
        for bad in ("10", "ten", "10h", "-1s", "0s", "s", "", "10 s s", "nans", "1e99s",
                    "infs", "99999999999999999999s", "1441m", "1000.5ms", "1.0005s"):
            self.assert_refused(2, ["--write-timeout", bad], "--write-timeout", f"'{bad}'",
                                "100ms to 1440m", "ms, s or m", "--help")

    def test_stall_after_must_be_between_10ms_and_a_minute(self):
        for bad in ("9ms", "10.5ms", "61s", "1h"):
            self.assert_refused(2, ["--stall-after", bad], "--stall-after", f"'{bad}'",
                                "10ms to 1m", "whole milliseconds", "ms, s or m")

    def test_a_value_that_is_not_allowed_exits_with_2_and_the_allowed_ones_are_listed(self):
        self.assert_refused(2, ["--on-stall", "panic"], "--on-stall", "report", "exit")
        self.assert_refused(2, ["--log-level", "loud"], "--log-level", "debug")
        self.assert_refused(2, ["--address", "localhost"], "--address", "write 127.0.0.1")
        self.assert_refused(2, ["--admin-address", "localhost"], "--admin-address", "write 127.0.0.1")

    def test_durations_may_use_three_units(self):
        server = self.start("--write-timeout", "2.3s", "--idle-timeout", "1.1m", "--stall-after", "1000ms")
        self.assert_chat_works(server)

    def test_help_and_version_exit_with_0_and_print_to_stdout(self):
        shown = self.run_with("--help")
        self.assertEqual((shown.returncode, shown.stderr), (0, ""))
        for flag in ("--port", "--admin-port", "--no-admin", "--write-timeout", "--on-stall", "Exit codes"):
            self.assertIn(flag, shown.stdout)
        shown = self.run_with("--version")
        self.assertEqual((shown.returncode, shown.stderr), (0, ""))
        self.assertRegex(shown.stdout, r"^chat-server \d+\.\d+\.\d+ mutex=\w+ guard=\w+\n$")

    def test_stdout_gets_only_the_ready_line(self):
        server = self.start()
        self.assertRegex(server.ready_line, r"^ready chat=ws://127\.0\.0\.1:\d+/ (admin=\S+ )?"
                         rf"mutex=\w+ guard=\w+ pid={server.process.pid}\n$")
        self.assert_chat_works(server)
        server.signal(15)
        self.assertEqual(server.wait(), 0)
        self.assertEqual(server.process.stdout.read(), b"")

    def test_it_listens_on_loopback_unless_told_otherwise(self):
        server = self.start()
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", server.port), timeout=PATIENCE)


if __name__ == "__main__":
    run_tests()
