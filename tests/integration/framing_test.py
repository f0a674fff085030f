"""Framing byte by byte: messages, acks, pongs and pings share sockets so small that hundreds of sends stop inside
a frame. The readers' strict parsers must find each frame whole."""

import random
import time

from chat_server import PATIENCE, ServerTest, run_tests

SMALLEST = 1024  # the kernel raises this to its minimum: a window of a packet or two


class Framing(ServerTest):
    def chat_slowly(self, server, readers, total, pings, bytes_at_once, talkers=2):
        """Talkers flood the room. Readers take a few bytes at a time and send pings in between. All of them read
        until they have received everything."""
        dice = random.Random(3)
        voices = [self.join(server, f"/?name=talker{n}") for n in range(talkers)]
        slow = [self.join(server, receive_buffer=SMALLEST) for _ in range(readers)]
        said, pinged = 0, 0
        deadline = time.monotonic() + 4 * PATIENCE
        while any(c.newest != total for c in slow + voices) or any(len(c.pongs) < pings for c in slow):
            self.assertLess(time.monotonic(), deadline, [(c.newest, len(c.pongs)) for c in slow])
            # Stay far ahead of the readers, but not of the talkers, which must not fall behind.
            if said < total and said < min(voice.newest or 0 for voice in voices) + 100:
                dice.choice(voices).say("x" * dice.choice((1, 50, 60, 125, 126, 400, 4000)), ref=said)
                said += 1
            if pinged < pings and dice.random() < 0.3:
                for client in slow:
                    client.ping(b"%d" % pinged)
                pinged += 1
            for client in voices:
                self.read_what_is_there(client, 65536)
            for client in slow:
                self.read_what_is_there(client, dice.randint(1, bytes_at_once))
        for client in slow:
            self.assertEqual(client.pongs, [b"%d" % n for n in range(pings)])
        return slow

    def read_what_is_there(self, client, at_most):
        client.at_most = at_most
        client.receive_what_is_there()

    def test_six_readers_that_take_a_few_bytes_at_a_time(self):
        """Each reader gets 1500 messages and sends 1500 pings, and the pongs come back in order."""
        server = self.start("--history", "10000")
        self.chat_slowly(server, readers=6, total=1500, pings=1500, bytes_at_once=600)

    def test_a_reader_that_takes_one_byte_at_a_time(self):
        server = self.start("--history", "10000")
        self.chat_slowly(server, readers=1, total=100, pings=100, bytes_at_once=1)

    def test_more_pings_than_messages(self):
        """The control frames are as busy as the messages, and sends stop inside them as well."""
        server = self.start("--history", "10000")
        self.chat_slowly(server, readers=4, total=500, pings=3000, bytes_at_once=300)

    def test_the_servers_own_pings_come_between_messages(self):
        """A client that only receives is pinged after half the idle limit, even while its socket is full."""
        server = self.start("--history", "10000", "--idle-timeout", "4s")
        talker, reader = self.join(server), self.join(server, receive_buffer=SMALLEST)
        reader.at_most = 2000
        while reader.pings < 2:
            talker.say(*["x" * 400] * 5)
            talker.read_to((talker.newest or 0) + 5)
            reader.read_to(talker.newest)
        self.assert_chat_works(server, talker, reader)

    def test_errors_and_acks_come_between_messages(self):
        """The replies to a slow reader that talks share sends with the messages."""
        server = self.start("--history", "10000")
        talker, reader = self.join(server), self.join(server, receive_buffer=SMALLEST)
        for turn in range(100):
            talker.say("x" * 400, "y" * 4000)
            reader.send_json({"type": "nonsense"})
            reader.say("mine", ref="r" * 200)
            reader.at_most = 100 + turn
            reader.read_to(max(3 * turn - 20, 0))
            talker.read_to(max(3 * turn - 60, 0))
        reader.read_to(300)
        for _ in range(100):
            reader.take("ack")
            reader.take("error")
        talker.read_to(300)


if __name__ == "__main__":
    run_tests()
