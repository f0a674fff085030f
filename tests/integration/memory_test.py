"""Memory is bounded by the options, not by the amount of unread data: a hundred clients read nothing while 87 MB are
sent.
Only for builds without sanitizers, because sanitizers keep freed memory."""

import contextlib
import pathlib
import resource

from admin_client import wait_for_metric
from chat_client import TEXT, frame
from chat_server import ServerTest, run_tests

MIB = 1 << 20
HISTORY = 4 * MIB
SAID = 87_000_000
SLACK = 4 * MIB  # for memory that the allocator keeps, and for partly filled blocks of the history
SAY = frame(TEXT, b'{"type":"say","text":"%s"}' % (b"x" * 4000))


def memory_of(server, kind):
    """Returns bytes: of resident memory for the kind VmRSS, of requested memory for VmSize."""
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

    def test_a_hundred_clients_that_do_not_read_cost_no_more_than_the_history(self):
        server = self.start("--write-timeout", "1m", "--history-bytes", str(HISTORY), "--history", "100000")
        talker = self.join(server)
        sleepers = [self.join(server, receive_buffer=4096) for _ in range(100)]
        before = self.rss(server)
        self.say_much(talker)
        self.assertLess(self.rss(server) - before, HISTORY + SLACK)
        for sleeper in sleepers:
            sleeper.connection.reset()
        self.assert_chat_works(server, talker)

    def test_a_hundred_clients_that_do_not_read_their_replies_cost_a_bounded_queue_each(self):
        """They send bad requests without end. The server stops reading from a client that does not read its
        replies. The queue of replies holds 64 KiB."""
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

    def test_long_unread_replies_cost_a_few_times_their_length(self):
        """A message with a long ref takes memory as received bytes, as parsed JSON, as the reply, and as the part
        of the reply that is being sent."""
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
    alarms = tuple(alarm for alarm in ServerTest.alarms if alarm != "[error]")  # the test provokes an [error]

    def test_a_session_that_fails_ends_and_the_others_continue_to_chat(self):
        """Its message is read, but there is not enough memory to parse it."""
        server = self.start("--max-message-bytes", str(MIB))
        others = self.join(server), self.join(server)
        victim = self.join(server)
        # This is not JSON, so it is not parsed. But from now on the server has a buffer for so long a message.
        victim.send_frame(TEXT, b"#" * (MIB - 100))
        victim.take("error")
        server.wait_for_log("joined session=3")  # the log's thread has its memory now, so VmSize is stable
        limit = memory_of(server, "VmSize") + MIB // 4
        resource.prlimit(server.process.pid, resource.RLIMIT_AS, (limit, limit))
        victim.say("hello", ref="x" * (MIB - 200))
        server.wait_for_log("session failed")
        self.assertIsNone(victim.take_close().code)
        for other in others:
            while other.take("presence")["clients"] != 2:
                pass
        self.assert_chat_works(server, *others)

    def test_a_loop_that_fails_ends_the_server_with_1_and_an_error_message(self):
        """There is not enough memory for the read buffer."""
        server = self.start("--max-message-bytes", str(MIB))
        clients = [self.join(server) for _ in range(20)]
        server.wait_for_log("joined session=20")
        limit = memory_of(server, "VmSize") + MIB // 4
        resource.prlimit(server.process.pid, resource.RLIMIT_AS, (limit, limit))
        clients[0].connection.send(frame(TEXT, b"#" * MIB)[:MIB // 2])
        self.assertEqual(server.wait(), 1)
        self.assertIn("chat-server: std::bad_alloc", server.log())


if __name__ == "__main__":
    run_tests()
