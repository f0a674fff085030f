"""The async mutex held across the write: one slow reader starves all other clients, although the event loop runs."""

import time

from chat_client import PONG, ChatClient
from chat_server import ServerTest, run_tests
from source_lines import named_after, source_at

WRITE_TIMEOUT = 2.0
NOTICE_TIME = 1.0  # seconds until a closed client notices
# Seconds without an answer that prove starvation. Normally an answer comes within milliseconds.
SILENCE = 1.0


class Starvation(ServerTest):
    def starve(self, server):
        """Sends messages until a client that does not read keeps the lock held. Returns the three clients, and the
        number of the first message that did not arrive."""
        talker, listener = self.join(server), self.join(server)
        sleeper = self.join(server, receive_buffer=4096)
        for seq in range(1, 2000):
            talker.say("x" * 4000, ref=seq)
            try:
                talker.take("ack", within=SILENCE)
                talker.read_to(seq, within=SILENCE)
                listener.read_to(seq, within=SILENCE)
            except TimeoutError:
                return talker, listener, sleeper, seq
        self.fail("the clients did not starve")

    def test_other_clients_get_nothing_although_the_loop_runs(self):
        """Pongs come and handshakes complete, so this is not a freeze. Messages and welcomes do not come, because
        they need the lock."""
        server = self.start("--write-timeout", "1m")
        _, listener, sleeper, seq = self.starve(server)
        listener.ping(b"are you there?")
        listener.wait_until(lambda: listener.pongs, "a pong")
        newcomer = ChatClient(self.connect(server))
        newcomer.upgrade()
        with self.assertRaises(TimeoutError):
            newcomer.take("welcome", within=SILENCE)
        with self.assertRaises(TimeoutError):
            listener.read_to(seq + 1, within=SILENCE)
        self.assertNotIn("frozen", server.log())
        sleeper.connection.reset()
        newcomer.take("welcome")

    def test_a_client_that_waits_for_the_lock_is_not_closed_as_idle(self):
        """The talker's message waits for the lock, and meanwhile the server does not read its pongs. It does read
        the pongs of the client that causes the starvation."""
        idle = 4.0
        server = self.start("--write-timeout", "1m", "--idle-timeout", f"{idle:.0f}s")
        talker, listener, sleeper, seq = self.starve(server)
        talker.say("waits")
        end = time.monotonic() + 1.3 * idle
        while time.monotonic() < end:
            sleeper.send_frame(PONG)
            for client in (talker, listener):
                client.receive_what_is_there()
            time.sleep(0.1)  # a pace, not a gate
        self.assertLessEqual(listener.newest, seq)
        sleeper.connection.reset()
        for client in (talker, listener):
            client.read_to(seq + 1)

    def test_messages_sent_during_starvation_are_not_a_flood(self):
        """The server reads them all at once when the lock is free, but they were sent one by one."""
        rate = 200  # also more than the talker sends until the clients starve
        server = self.start("--write-timeout", "1m", "--max-rate", str(rate))
        talker, _, sleeper, seq = self.starve(server)
        newcomer = ChatClient(self.connect(server))
        newcomer.upgrade()
        for _ in range(2 * rate):
            talker.say("waits")
            newcomer.say("waits for its welcome")
            time.sleep(1.2 / rate)  # a pace, not a gate: below the limit
        sleeper.connection.reset()
        for client in (talker, newcomer):
            client.read_to(seq + 4 * rate)

    def test_the_report_names_the_reader(self):
        """The operator can act on the slow reader."""
        server = self.start("--write-timeout", "1m", "--starve-after", "500ms")
        *_, sleeper, _ = self.starve(server)
        server.wait_for_log("Fix")
        report = server.log()
        self.assertIn("lock is starved", report)
        self.assertIn('HOLDS the lock: deliver, session 3 "guest-3"', report)
        self.assertIn('awaits room in the socket of session 3 "guest-3"', " ".join(report.split()))
        self.assertRegex(source_at(named_after("takes it in", report)), r"lock\(\{\"deliver\"")
        self.assertRegex(source_at(named_after("sleeps in", report)), r"co_await to->takes_news\(")
        sleeper.connection.reset()
        server.wait_for_log("lock moves again")

    def test_starvation_is_detected_even_with_a_very_short_stall_after(self):
        """The loop is sometimes late by more than that limit."""
        server = self.start("--write-timeout", "1m", "--starve-after", "500ms", "--stall-after", "10ms")
        *_, sleeper, _ = self.starve(server)
        server.wait_for_log("lock is starved")
        sleeper.connection.reset()
        server.wait_for_log("lock moves again")

    def test_all_messages_arrive_after_the_slow_reader_is_closed(self):
        """After --write-timeout the lock is free, and no message is lost."""
        server = self.start("--write-timeout", f"{WRITE_TIMEOUT:.0f}s")
        talker, listener, sleeper, seq = self.starve(server)
        newcomer = ChatClient(self.connect(server))
        newcomer.upgrade()
        newcomer.take("welcome", within=WRITE_TIMEOUT + NOTICE_TIME)
        for client in (talker, listener, newcomer):
            client.read_to(seq)
        self.assertTrue(sleeper.connection.has_hung_up(within=NOTICE_TIME + 1))
        server.wait_for_log("slow reader")
        self.assert_chat_works(server, talker, listener, newcomer)

    def test_all_messages_arrive_after_the_slow_reader_reads_again(self):
        """The slow reader loses no message either."""
        server = self.start("--write-timeout", "1m", "--history", "100000")
        everyone = self.starve(server)
        for client in reversed(everyone[:3]):
            client.read_to(everyone[3])
        self.assert_chat_works(server, *everyone[:3])


if __name__ == "__main__":
    run_tests()
