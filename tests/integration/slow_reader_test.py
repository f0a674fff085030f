"""The builds that release the guard before they write: a reader that is too slow is nobody's
problem but its own."""

import signal
import time

from chat_client import PONG, TEXT, frame
from chat_server import ServerTest, run_tests

LONG = "x" * 4000
PROMPTLY = 2.0  # seconds; an answer that has waited for the slow reader takes longer


class SlowReader(ServerTest):
    def test_who_falls_out_of_the_ring_is_told_how_much_was_missed(self):
        """Ten messages are kept, the reader sleeps through hundreds: what it gets and what it is
        told it missed add up, and it hears the newest."""
        server = self.start("--history", "10", "--write-timeout", "1m")
        talker, sleeper = self.join(server), self.join(server, receive_buffer=4096)
        total = 2000
        for seq in range(1, total + 1):
            talker.say(LONG)
            talker.read_to(seq)
        sleeper.read_to(total)  # a gap moves it forward by as much as it says: else it fails
        missed = sum(event["missed"] for event in sleeper.events if event["type"] == "gap")
        self.assertGreater(missed, 0)
        self.assertEqual(missed + len(sleeper.messages), total)
        self.assertNotIn("gap", [event["type"] for event in talker.events])

    def test_a_burst_longer_than_the_ring_reaches_those_who_read(self):
        """What is gathered for one send is less than the ring keeps, in messages and in bytes."""
        for limit in (("--history", "8"), ("--history-bytes", "8192")):
            with self.subTest(limit=limit):
                server = self.start(*limit)
                talker, listener = self.join(server), self.join(server)
                total = 500
                talker.say(*["hello"] * total)
                for client in (talker, listener):
                    client.read_to(total)
                    self.assertEqual(len(client.messages), total)

    def test_when_everybody_speaks_at_once_nobody_who_reads_misses_anything(self):
        """The server finds all their messages waiting, as many as one poll of it brings and more."""
        server = self.start()
        clients = [self.join(server) for _ in range(200)]
        server.signal(signal.SIGSTOP)
        for client in clients:
            client.say("hello")
        server.signal(signal.SIGCONT)
        for client in clients:
            client.read_to(len(clients))
            self.assertEqual(len(client.messages), len(clients))

    def test_who_never_reads_is_closed_and_the_others_do_not_notice(self):
        """Not while it blocks, not when it is thrown out: every message is there at once."""
        server = self.start("--write-timeout", "3s", "--history", "100000")
        talker, listener = self.join(server), self.join(server)
        sleeper = self.join(server, receive_buffer=4096)
        seq = 0
        while not sleeper.connection.has_hung_up(within=0):
            seq += 1
            talker.say(LONG if seq < 300 else "short")  # 300 long ones are more than a socket takes
            talker.take("ack", within=PROMPTLY)
            talker.read_to(seq, within=PROMPTLY)
            listener.read_to(seq, within=PROMPTLY)
        self.assertGreater(seq, 300)
        server.wait_for_log("slow reader")
        self.assert_chat_works(server, talker, listener)

    def test_who_reads_slowly_but_steadily_stays(self):
        """The limit is for those who take nothing at all."""
        server = self.start("--write-timeout", "500ms", "--history", "100000")
        talker, reader = self.join(server), self.join(server, receive_buffer=4096)
        total = 500
        talker.say(*[LONG] * total)
        reader.at_most = 500
        reader.read_to(total)
        talker.read_to(total)

    def owe_much(self, *options):
        """A talker, and a reader with buffers of the usual size that is owed 6 MB and takes nothing."""
        server = self.start("--history", "100000", "--history-bytes", "100000000", *options)
        talker, reader = self.join(server), self.join(server)
        for total in range(100, 1501, 100):
            talker.say(*[LONG] * 100)
            talker.read_to(total)
        return talker, reader

    def test_who_reads_little_but_steadily_stays_though_the_kernel_takes_nothing_for_long(self):
        """100 KB a second, for more than twice the limit: nothing but the pace of the reader is timed."""
        talker, reader = self.owe_much("--write-timeout", "4s")
        reader.at_most = 4096
        until = time.monotonic() + 10
        while time.monotonic() < until:
            reader.receive_some(until)
            time.sleep(0.04)
        reader.at_most = 65536
        reader.read_to(talker.newest)
        self.assertEqual(len(reader.messages), talker.newest)

    def test_a_pong_waits_for_little_of_what_a_reader_has_not_taken(self):
        """What waits, waits in the server, where a pong overtakes it."""
        talker, reader = self.owe_much("--write-timeout", "1m")
        reader.ping(b"reader's")
        talker.ping()
        talker.wait_until(lambda: talker.pongs, "its pong, behind the other")
        reader.wait_until(lambda: reader.pongs, "its pong")
        self.assertLess(len(reader.messages) * len(LONG), 1 << 20)

    def test_who_is_pinged_in_vain_gives_its_place_back(self):
        """It does not read, so no ping can go out; it speaks just often enough not to be idle."""
        server = self.start("--idle-timeout", "1s", "--write-timeout", "1m", "--max-clients", "2")
        talker, sleeper = self.join(server), self.join(server, receive_buffer=4096)
        for seq in range(1, 501):
            talker.say(LONG)
            talker.read_to(seq)
            if seq % 50 == 0:
                sleeper.send_frame(PONG)
        for _ in range(6):
            sleeper.send_frame(PONG)
            talker.ping()
            self.assertFalse(sleeper.connection.has_hung_up(within=0.6))
        sleeper.connection.reset()
        self.assert_chat_works(server, talker, self.join_when_there_is_room(server))

    def test_who_has_many_answers_waiting_and_falls_out_of_the_ring_gets_all_of_them(self):
        """Its reader waits for room to answer, while its deliver has a gap to tell: both go on."""
        server = self.start("--history", "1", "--write-timeout", "1m")
        talker, sleeper = self.join(server), self.join(server, receive_buffer=4096)
        sleeper.connection.send(frame(TEXT, b"[]") * 4000)
        sleeper.connection.wait_until_nothing_more_comes()
        for seq in range(5, 101, 5):
            talker.say(*["hello"] * 5)
            talker.read_to(seq)
        for _ in range(4000):
            self.assertEqual(sleeper.take("error")["code"], "bad_type")
        sleeper.read_to(100)
        self.assertIn("gap", [event["type"] for event in sleeper.events])
        self.assert_chat_works(server, talker, sleeper)


if __name__ == "__main__":
    run_tests()
