"""Memory is bounded by the options, not by what is owed: a hundred readers take nothing while 87 MB are
said. Only for builds without sanitizers, which keep freed memory."""

import contextlib
import pathlib
import resource

from admin_client import wait_for_metric
from chat_client import TEXT, frame
from chat_server import ServerTest, run_tests

MIB = 1 << 20
HISTORY = 4 * MIB
SAID = 87_000_000
SLACK = 4 * MIB  # what the allocator keeps, and the blocks of the history that are not full
SAY = frame(TEXT, b'{"type":"say","text":"%s"}' % (b"x" * 4000))


def memory_of(server, kind):
    """In bytes: VmRSS, what it has; VmSize, what it has asked for."""
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(kind)) * 1024


class Memory(ServerTest):
    def rss(self, server):
        return memory_of(server, "VmRSS")

    def say_much(self, talker):
        for _ in range(SAID // 4000 // 50):
            talker.connection.send(SAY * 50)
            talker.read_to((talker.newest or 0) + 50)
            talker.events[1:], talker.messages[:] = [], []
            talker._pending.clear()

    def test_a_hundred_readers_that_take_nothing_cost_no_more_than_the_history(self):
        server = self.start("--write-timeout", "1m", "--history-bytes", str(HISTORY), "--history", "100000")
        talker = self.join(server)
        sleepers = [self.join(server, receive_buffer=4096) for _ in range(100)]
        before = self.rss(server)
        self.say_much(talker)
        self.assertLess(self.rss(server) - before, HISTORY + SLACK)
        for sleeper in sleepers:
            sleeper.connection.reset()
        self.assert_chat_works(server, talker)

    def test_a_hundred_whose_answers_nobody_reads_cost_a_bounded_lane_each(self):
        """Bad requests without end: the server stops reading those who do not read. The lane is 64 KiB."""
        server = self.start("--write-timeout", "1m", "--history-bytes", str(HISTORY))
        talker = self.join(server)
        sleepers = [self.join(server, receive_buffer=4096) for _ in range(100)]
        before = self.rss(server)
        for sleeper in sleepers:
            sleeper.connection.timeout = 0.05
            with contextlib.suppress(TimeoutError):
                for _ in range(1000):
                    sleeper.connection.send(frame(TEXT, b"[]") * 1000)
        wait_for_metric(server, "chat_unread_answers_total", 100)
        self.assertLess(self.rss(server) - before, 100 * 160 * 1024)
        for sleeper in sleepers:
            sleeper.connection.reset()
        self.assert_chat_works(server, talker)

    def test_long_answers_that_nobody_reads_cost_a_few_times_their_length(self):
        """Of a message with a long ref: what was read, what was understood, the answer, and what of that is
        on its way."""
        longest, sleeping = 256 * 1024, 30
        server = self.start("--write-timeout", "1m", "--max-message-bytes", str(longest))
        sleepers = [self.join(server, receive_buffer=4096) for _ in range(sleeping)]
        before = self.rss(server)
        say = frame(TEXT, b'{"type":"say","text":"x","ref":"%s"}' % (b"r" * (longest - 100)))
        for sleeper in sleepers:
            sleeper.connection.timeout = 0.1
            with contextlib.suppress(TimeoutError):
                sleeper.connection.send(say * 20)
        wait_for_metric(server, "chat_unread_answers_total", sleeping)
        self.assertLess((self.rss(server) - before) / sleeping, 160 * 1024 + 5 * (longest - 16384))
        for sleeper in sleepers:
            sleeper.connection.reset()
        self.assert_chat_works(server)


class OutOfMemory(ServerTest):
    alarms = tuple(alarm for alarm in ServerTest.alarms if alarm != "[error]")  # one is due

    def test_a_session_that_fails_leaves_and_the_others_chat_on(self):
        """Its message is read, and there is no memory to parse it."""
        server = self.start("--max-message-bytes", str(MIB))
        others = self.join(server), self.join(server)
        victim = self.join(server)
        # No JSON, so it is not parsed; but the server has room for so long a message from now on.
        victim.send_frame(TEXT, b"#" * (MIB - 100))
        victim.take("error")
        limit = memory_of(server, "VmSize") + MIB // 4
        resource.prlimit(server.process.pid, resource.RLIMIT_AS, (limit, limit))
        victim.say("hello", ref="x" * (MIB - 200))
        server.wait_for_log("session failed")
        self.assertIsNone(victim.take_close().code)
        for other in others:
            while other.take("presence")["clients"] != 2:
                pass
        self.assert_chat_works(server, *others)

    def test_a_loop_that_fails_ends_the_server_with_1_and_says_why(self):
        """There is no memory to read into."""
        server = self.start("--max-message-bytes", str(MIB))
        clients = [self.join(server) for _ in range(20)]
        limit = memory_of(server, "VmSize") + MIB // 4
        resource.prlimit(server.process.pid, resource.RLIMIT_AS, (limit, limit))
        clients[0].connection.send(frame(TEXT, b"#" * MIB)[:MIB // 2])
        self.assertEqual(server.wait(), 1)
        self.assertIn("chat-server: std::bad_alloc", server.log())


if __name__ == "__main__":
    run_tests()
