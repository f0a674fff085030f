"""The async mutex held across the write: one slow reader starves everybody, though the loop turns."""

import time

from chat_client import PONG, ChatClient
from chat_server import ServerTest, run_tests
from source_lines import named_after, source_at

WRITE_TIMEOUT = 2.0
TIME_TO_NOTICE = 1.0  # how long a reader that is thrown out may take to notice
# What comes within milliseconds unless someone starves has not come after this long.
SILENCE = 1.0


class Starvation(ServerTest):
    def starve(self, server):
        """Talks until a reader that takes nothing keeps the lock. Returns who is left, and the
        number of the first message that nobody has got."""
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
        self.fail("nobody ever starved")

    def test_others_get_nothing_though_the_loop_turns(self):
        """Pongs come and handshakes complete, so this is no freeze; messages and welcomes, which
        need the lock, do not."""
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

    def test_who_is_held_up_is_not_closed_as_idle(self):
        """The talker's message waits for the lock, and its pongs are not read meanwhile. Those of the one
        that is to blame are."""
        idle = 4.0
        server = self.start("--write-timeout", "1m", "--idle-timeout", f"{idle:.0f}s")
        talker, listener, sleeper, seq = self.starve(server)
        talker.say("waits")
        end = time.monotonic() + 1.3 * idle
        while time.monotonic() < end:
            sleeper.send_frame(PONG)
            for client in (talker, listener):
                client.receive_what_is_there()
            time.sleep(0.1)  # not a gate: a pace
        self.assertLessEqual(listener.newest, seq)
        sleeper.connection.reset()
        for client in (talker, listener):
            client.read_to(seq + 1)

    def test_what_is_said_meanwhile_is_no_flood(self):
        """It is read at once when the lock is free, but it was said one by one."""
        rate = 200  # also more than it says until somebody starves
        server = self.start("--write-timeout", "1m", "--max-rate", str(rate))
        talker, _, sleeper, seq = self.starve(server)
        newcomer = ChatClient(self.connect(server))
        newcomer.upgrade()
        for _ in range(2 * rate):
            talker.say("waits")
            newcomer.say("waits for its welcome")
            time.sleep(1.2 / rate)  # not a gate: a pace, below the limit
        sleeper.connection.reset()
        for client in (talker, newcomer):
            client.read_to(seq + 4 * rate)

    def test_the_report_names_the_reader(self):
        """Which is the one thing that the operator can do something about."""
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

    def test_a_watch_with_little_patience_for_stalls_sees_it_too(self):
        """Though the loop is late by more than that now and then."""
        server = self.start("--write-timeout", "1m", "--starve-after", "500ms", "--stall-after", "10ms")
        *_, sleeper, _ = self.starve(server)
        server.wait_for_log("lock is starved")
        sleeper.connection.reset()
        server.wait_for_log("lock moves again")

    def test_all_flows_again_when_the_slow_reader_is_closed(self):
        """After --write-timeout the lock is free: nothing that was said is lost."""
        server = self.start("--write-timeout", f"{WRITE_TIMEOUT:.0f}s")
        talker, listener, sleeper, seq = self.starve(server)
        newcomer = ChatClient(self.connect(server))
        newcomer.upgrade()
        newcomer.take("welcome", within=WRITE_TIMEOUT + TIME_TO_NOTICE)
        for client in (talker, listener, newcomer):
            client.read_to(seq)
        self.assertTrue(sleeper.connection.has_hung_up(within=TIME_TO_NOTICE + 1))
        server.wait_for_log("slow reader")
        self.assert_chat_works(server, talker, listener, newcomer)

    def test_all_flows_again_when_the_slow_reader_reads(self):
        """It loses nothing either: it was slow, that is all."""
        server = self.start("--write-timeout", "1m", "--history", "100000")
        everyone = self.starve(server)
        for client in reversed(everyone[:3]):
            client.read_to(everyone[3])
        self.assert_chat_works(server, *everyone[:3])


if __name__ == "__main__":
    run_tests()
