"""Frames that break RFC 6455: the documented close code arrives, the connection ends cleanly, and the other
clients do not notice."""

from chat_client import BINARY, CLOSE, PING, PONG, TEXT, frame
from chat_server import ServerTest, run_tests

CONTINUATION = 0x0


class BadFrame(ServerTest):
    def assert_closed_with(self, code, *attacks):
        """Sends each attack on a connection of its own and expects this close code."""
        server = self.start()
        witness = self.join(server)
        for attack in attacks:
            client = self.join(server)
            client.connection.send(attack)
            self.assertEqual(client.take_close().code, code, attack[:40])
        self.assert_chat_works(server, witness, self.join(server))

    def test_bad_utf8_is_1007(self):
        self.assert_closed_with(1007, *(frame(TEXT, bad) for bad in (
            b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80",
            b'{"type":"say","text":"\xfe"}')))

    def test_utf8_cut_by_the_end_of_the_message_is_1007(self):
        self.assert_closed_with(1007, frame(TEXT, "é".encode()[:1]),
                                frame(TEXT, b"\xf0\x9f", final=False) + frame(CONTINUATION, b"x"),
                                frame(TEXT, b"\xf0\x9f\x98", final=False) + frame(CONTINUATION))

    def test_binary_is_1003(self):
        self.assert_closed_with(1003, frame(BINARY, b"\0\1\2"), frame(BINARY),
                                frame(BINARY, b"a", final=False) + frame(CONTINUATION, b"b"))

    def test_an_unmasked_frame_is_1002(self):
        self.assert_closed_with(1002, frame(TEXT, b"{}", masked=False),
                                frame(PING, b"", masked=False))

    def test_reserved_bits_and_opcodes_are_1002(self):
        """No extension was negotiated, so RSV1 (compression) is as wrong as the other bits."""
        self.assert_closed_with(1002, *(frame(TEXT, b"{}", reserved=bit) for bit in (1, 2, 4)),
                                *(frame(opcode, b"") for opcode in (3, 7, 11, 15)))

    def test_a_control_frame_that_is_long_or_fragmented_is_1002(self):
        self.assert_closed_with(1002, frame(PING, b"x" * 126), frame(PONG, b"x" * 70_000),
                                frame(PING, b"", length=1 << 62), frame(PING, b"", final=False))

    def test_fragments_out_of_order_are_1002(self):
        self.assert_closed_with(1002, frame(CONTINUATION, b"x"),
                                frame(TEXT, b"x", final=False) + frame(TEXT, b"y"))

    def test_a_bad_close_frame_is_1002(self):
        self.assert_closed_with(1002, frame(CLOSE, b"\x03"), frame(CLOSE, b"\x00\x01"),
                                frame(CLOSE, (1005).to_bytes(2, "big")),
                                frame(CLOSE, (1006).to_bytes(2, "big")))

    def test_a_length_that_is_not_minimal_is_1002(self):
        self.assert_closed_with(1002, b"\x81\xfe\x00\x02mask..", b"\x81\xff" + b"\0" * 7 + b"\x02mask..")

    def test_too_big_a_message_is_1009(self):
        """The size is known from the header, from the whole message, or from the sum of its fragments."""
        self.assert_closed_with(
            1009, frame(TEXT, b"", length=16_385), frame(TEXT, b"", length=(1 << 63) - 1),
            frame(TEXT, b"x" * 70_000),
            frame(TEXT, b"x" * 10_000, final=False) + frame(CONTINUATION, b"x" * 10_000))

    def test_the_largest_message_allowed_is_read(self):
        """A message of 16384 bytes, most of them white space."""
        client = self.join(self.start())
        client.send_frame(TEXT, b'{"type":"say","text":"x"}'.ljust(16_384))
        client.read_to(1)

    def test_1009_arrives_even_with_queued_history_and_much_unread_input(self):
        """Sends 70 KB to a server that is busy replaying 2 MB to us. If the server closed the socket with unread
        input, the kernel would send a reset, which would destroy the close frame."""
        server = self.start("--history-bytes", "10000000")
        talker = self.join(server)
        for seq in range(50, 501, 50):
            talker.say(*["x" * 4000] * 50)
            talker.read_to(seq)
        for _ in range(20):
            client = self.join(server, receive_buffer=4096)
            client.connection.send(frame(TEXT, b"x" * 70_000))
            closed = client.take_close()
            self.assertEqual((closed.code, closed.how), (1009, "end of stream"))
        newcomer = self.join(server)
        newcomer.read_to(500)  # otherwise it would starve the others in the build that holds the lock
        self.assert_chat_works(server, talker, newcomer)


class GoodFrame(ServerTest):
    def test_fragments_with_a_ping_between_them_are_one_message(self):
        client = self.join(self.start())
        client.connection.send(frame(TEXT, b'{"type":"say",', final=False) + frame(PING, b"between")
                               + frame(CONTINUATION, b'"text":"\xc3', final=False)
                               + frame(CONTINUATION, b'\xa9"}'))
        self.assertEqual(client.read_to(1)["text"], "é")
        self.assertEqual(client.pongs, [b"between"])

    def test_a_close_frame_is_answered_with_the_same_code_and_nothing_after_it(self):
        client = self.join(self.start())
        client.answers_close = False
        client.send_frame(CLOSE, (1000).to_bytes(2, "big") + b"bye")
        closed = client.take_close()
        self.assertEqual((closed.code, closed.how), (1000, "end of stream"))

    def test_messages_sent_right_before_a_close_frame_are_delivered(self):
        server = self.start()
        witness, client = self.join(server), self.join(server)
        client.say("one", "two")
        client.send_frame(CLOSE, (1000).to_bytes(2, "big"))
        witness.read_to(2)
        self.assertEqual(client.take_close().code, 1000)


if __name__ == "__main__":
    run_tests()
