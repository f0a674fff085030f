"""The builds that release the guard before they write: a slow reader harms only itself."""

import signal
import time

from chat_client import PONG, TEXT, frame
from chat_server import ServerTest, run_tests

LONG = "x" * 4000
PROMPTLY = 2.0  # seconds; an answer that waits for the slow reader takes longer


class SlowReader(ServerTest):
    def test_a_reader_that_falls_behind_the_history_learns_how_many_messages_it_missed(self):
        """The server keeps ten messages, and the reader misses hundreds. The received and the missed messages add
        up to the total, and the reader receives the newest one."""
        server = self.start("--history", "10", "--write-timeout", "1m")
        talker, sleeper = self.join(server), self.join(server, receive_buffer=4096)
        total = 2000
        for seq in range(1, total + 1):
            talker.say(LONG)
            talker.read_to(seq)
        sleeper.read_to(total)  # fails if a gap's count does not match the sequence numbers
        missed = sum(event["missed"] for event in sleeper.events if event["type"] == "gap")
        self.assertGreater(missed, 0)
        self.assertEqual(missed + len(sleeper.messages), total)
        self.assertNotIn("gap", [event["type"] for event in talker.events])

    def test_a_burst_longer_than_the_history_reaches_every_client_that_reads(self):
        """The messages gathered for one send are fewer than the history keeps, in number and in bytes."""
        for limit in (("--history", "8"), ("--history-bytes", "8192")):
            with self.subTest(limit=limit):
                server = self.start(*limit)
                talker, listener = self.join(server), self.join(server)
                total = 500
                talker.say(*["hello"] * total)
                for client in (talker, listener):
                    client.read_to(total)
                    self.assertEqual(len(client.messages), total)

    def test_if_all_clients_talk_at_once_no_client_that_reads_misses_a_message(self):
        """The server finds all messages waiting, which are more than one poll returns."""
        server = self.start()
        clients = [self.join(server) for _ in range(200)]
        server.signal(signal.SIGSTOP)
        for client in clients:
            client.say("hello")
        server.signal(signal.SIGCONT)
        for client in clients:
            client.read_to(len(clients))
            self.assertEqual(len(client.messages), len(clients))

    def test_a_client_that_never_reads_is_closed_and_the_others_do_not_notice(self):
        """Every message arrives at once, both while that client's socket is full and when the client is closed."""
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

    def test_a_client_that_reads_slowly_but_steadily_stays(self):
        """The time limit applies only to clients that take nothing at all."""
        server = self.start("--write-timeout", "500ms", "--history", "100000")
        talker, reader = self.join(server), self.join(server, receive_buffer=4096)
        total = 500
        talker.say(*[LONG] * total)
        reader.at_most = 500
        reader.read_to(total)
        talker.read_to(total)

    def owe_much(self, *options):
        """Returns a talker, and a reader with normal buffers that has 6 MB of unread messages."""
        server = self.start("--history", "100000", "--history-bytes", "100000000", *options)
        talker, reader = self.join(server), self.join(server)
        for total in range(100, 1501, 100):
            talker.say(*[LONG] * 100)
            talker.read_to(total)
        return talker, reader

    def test_a_steady_reader_stays_even_if_the_kernel_accepts_nothing_for_a_long_time(self):
        """It reads 100 KB per second for more than twice the limit. The limit must apply to the reader's progress,
        not to a single write."""
        talker, reader = self.owe_much("--write-timeout", "4s")
        reader.at_most = 4096
        until = time.monotonic() + 10
        while time.monotonic() < until:
            reader.receive_some(until)
            time.sleep(0.04)
        reader.at_most = 65536
        reader.read_to(talker.newest)
        self.assertEqual(len(reader.messages), talker.newest)

    def test_a_pong_overtakes_most_of_the_unread_messages(self):
        """Most unread messages wait in the server, where a pong overtakes them, and not in the kernel."""
        talker, reader = self.owe_much("--write-timeout", "1m")
        reader.ping(b"reader's")
        talker.ping()
        talker.wait_until(lambda: talker.pongs, "its pong, sent after the reader's")
        reader.wait_until(lambda: reader.pongs, "its pong")
        self.assertLess(len(reader.messages) * len(LONG), 1 << 20)

    def test_a_client_that_no_ping_can_reach_makes_room_when_it_leaves(self):
        """It does not read, so no ping can be sent. It sends pongs just often enough not to be idle."""
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

    def test_a_client_that_falls_behind_the_history_still_gets_all_its_replies(self):
        """In the server, the task that reads from this client waits for room for a reply, while deliver has to
        report a gap. Both must continue."""
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
