"""Floods of frames without content: pings, pongs, empty fragments. The client is closed with 1008 and counted,
and is cut off if it continues. A client that uses such frames in normal numbers is not closed, and the other
clients continue to chat."""

import time

from admin_client import metrics, wait_for_metric
from chat_client import PING, PONG, TEXT, frame
from chat_server import PATIENCE, ServerTest, run_tests
from connection import upgrade_request

CONTINUATION = 0x0
COUNT = 'chat_closed_clients_total{reason="frame_flood"}'
AT_ONCE = 5000       # control frames
WIRE_BYTES = 64 * 1024 + 8 * 16384  # limit for one message, including its empty fragments


def empty_fragments(count):
    return frame(CONTINUATION, final=False) * count


class Flood(ServerTest):
    def assert_closed(self, server, client, flood):
        """Checks that the client is closed with 1008 and counted, while another client chats."""
        witness = self.join(server)
        try:
            client.connection.send(flood)
        except ConnectionError:
            pass  # cut off in the middle of the flood
        self.assertEqual(client.take_close().code, 1008)
        wait_for_metric(server, COUNT, 1)
        self.assertEqual(metrics(server)[COUNT], 1)
        self.assert_chat_works(server, witness, self.join(server))

    def test_a_flood_of_pings_is_1008(self):
        server = self.start()
        self.assert_closed(server, self.join(server), frame(PING) * (AT_ONCE + 2000))

    def test_a_flood_of_pongs_is_1008(self):
        server = self.start()
        self.assert_closed(server, self.join(server), frame(PONG, b"x") * (AT_ONCE + 2000))

    def test_a_flood_of_empty_fragments_is_1008(self):
        server = self.start()
        count = WIRE_BYTES // 6 + 1000
        self.assert_closed(server, self.join(server), frame(TEXT, b"", final=False) + empty_fragments(count))

    def test_a_flood_of_empty_fragments_inside_a_message_with_content_is_1008(self):
        server = self.start()
        count = WIRE_BYTES // 6 + 1000
        self.assert_closed(server, self.join(server), frame(TEXT, b'{"type":', final=False)
                           + (empty_fragments(99) + frame(PONG)) * (count // 100 + 20))

    def test_a_client_that_continues_to_flood_after_the_close_frame_is_cut_off_at_once(self):
        """It gets no extra time, although it reads and sends."""
        for flood in (frame(PING) * 5000, empty_fragments(10_000), frame(TEXT, b"x" * 1000) * 60):
            server = self.start("--max-rate", "100")
            client = self.join(server)
            client.answers_close = False
            client.connection.send(frame(TEXT, b"", final=False) if flood[0] == 0 else b"")
            began, sent = time.monotonic(), 0
            try:
                while time.monotonic() - began < PATIENCE:
                    client.connection.send(flood)
                    sent += len(flood)
            except ConnectionError:
                pass
            self.assertLess(time.monotonic() - began, 3, "a silent client would get five seconds")
            self.assertLess(sent, 16 << 20)
            self.assert_chat_works(server)

    def test_normal_clients_do_not_count_as_a_flood(self):
        """Sends bursts of pings, and messages in the smallest fragments with empty fragments between them."""
        server = self.start()
        client = self.join(server)
        client.connection.send(frame(PING, b"p") * 4000)
        client.wait_until(lambda: len(client.pongs) == 4000, "all pongs")
        for seq in range(1, 6):
            text = (b'{"type":"say","text":"%d"}' % seq).ljust(16_384)
            client.connection.send(
                frame(TEXT, b"", final=False) + b"".join(frame(CONTINUATION, text[at:at + 1], final=False)
                                                         for at in range(len(text)))
                + empty_fragments(1000) + frame(CONTINUATION))
            self.assertEqual(client.read_to(seq, within=30)["text"], str(seq))
        self.assertEqual(metrics(server)[COUNT], 0)

    def test_a_ping_with_each_message_is_not_a_flood(self):
        server = self.start()
        client = self.join(server)
        for number in range(0, 2 * AT_ONCE, 100):
            client.connection.send((frame(PING, b"p") + frame(TEXT, b"{}")) * 100)
            client.wait_until(lambda: len(client.pongs) == number + 100, "their pongs")
        self.assertEqual(metrics(server)[COUNT], 0)

    def test_pings_over_a_long_time_are_not_a_flood(self):
        """The number of allowed pings grows with time."""
        server = self.start()
        client = self.join(server)
        client.connection.send(frame(PONG) * (AT_ONCE - 100))
        began, sent = time.monotonic(), 0
        while time.monotonic() - began < 3:
            client.ping(b"x")
            sent += 1
            time.sleep(0.02)  # a pace, not a gate: half of the allowed rate
        client.wait_until(lambda: len(client.pongs) == sent, "all pongs")
        self.assertEqual(metrics(server)[COUNT], 0)

    def test_the_echo_for_test_suites_is_not_limited(self):
        server = self.start("--echo")
        client = self.connect(server)
        client.send(upgrade_request("/echo"))
        self.assertEqual(client.response()[0], 101)
        client.send(frame(TEXT, b"", final=False) + empty_fragments(100_000) + frame(CONTINUATION, b"ok"))
        received = b""
        while len(received) < 4:
            received += client.receive(time.monotonic() + PATIENCE)
        self.assertEqual(received, b"\x81\x02ok")


if __name__ == "__main__":
    run_tests()
