"""RFC 6455, case by case, with raw bytes, against /echo, which sends each message back whole. The numbers in
the test names are sections of the RFC."""

import random
import struct
import time

from chat_client import BINARY, CLOSE, PING, PONG, TEXT, frame
from chat_server import PATIENCE, ServerTest, run_tests
from connection import upgrade_request

CONTINUATION = 0x0
SOON = 0.3  # seconds to wait before concluding that nothing more comes

# Characters of one to four bytes, on both sides of each boundary.
CHARACTERS = "aé߿ࠀ水퟿\ue000�𐀀😀\U0010ffff"

# Invalid UTF-8, each with the number of bytes after which it is known to be invalid.
BAD_UTF8 = [
    (b"\x80", 1), (b"\xbf", 1), (b"\xc0\xaf", 1), (b"\xc1\xbf", 1), (b"\xf5\x80\x80\x80", 1),
    (b"\xfe", 1), (b"\xff", 1), (b"\xc3(", 2), (b"\xe0\x80\xaf", 2), (b"\xe0\x9f\xbf", 2),
    (b"\xed\xa0\x80", 2), (b"\xed\xbf\xbf", 2), (b"\xf0\x80\x80\xaf", 2), (b"\xf0\x8f\xbf\xbf", 2),
    (b"\xf4\x90\x80\x80", 2), (b"\xe6\xb0x", 3), (b"\xf0\x9f\x98x", 4)]


def close_payload(code, reason=b""):
    return struct.pack("!H", code) + reason


class Peer:
    """One connection to /echo. It sends bytes, and reads frames that a server may send."""

    def __init__(self, connection):
        self.connection = connection
        self.unread = b""
        connection.send(upgrade_request("/echo"))
        status, _, self.unread = connection.response()
        assert status == 101, status

    def send(self, data):
        self.connection.send(data)

    def more(self, deadline):
        """Reads more bytes. True if there were any, False at the end of the stream."""
        some = self.connection.receive(deadline)
        self.unread += some
        return bool(some)

    def frame(self, within=PATIENCE):
        """Returns the next frame as (opcode, payload), or None at the end of the stream."""
        deadline = time.monotonic() + within
        while True:
            if len(self.unread) >= 2:
                first, size, start = self.unread[0], self.unread[1], 2
                assert not first & 0x70 and first & 0x80 and size < 128, self.unread[:20]
                if size > 125:
                    width = 2 if size == 126 else 8
                    start += width
                    size = int.from_bytes(self.unread[2:start], "big")
                if len(self.unread) >= start + size:
                    payload = self.unread[start:start + size]
                    self.unread = self.unread[start + size:]
                    return first & 0x0F, payload
            if not self.more(deadline):
                assert not self.unread, self.unread
                return None

    def is_silent(self):
        try:
            return self.frame(within=SOON) is None
        except TimeoutError:
            return True


class Conformance(ServerTest):
    def setUp(self):
        self.server = self.start("--echo")

    def peer(self):
        return Peer(self.connect(self.server))

    def assert_echo(self, data, *frames):
        """Checks that these bytes are answered with these frames, and that the connection still works."""
        peer = self.peer()
        for piece in [data] if isinstance(data, bytes) else data:
            peer.send(piece)
        for expected in frames:
            self.assertEqual(peer.frame(), expected, data[:60])
        peer.send(frame(TEXT, b"and on"))
        self.assertEqual(peer.frame(), (TEXT, b"and on"))
        peer.connection.close()

    def assert_fails(self, code, *attacks):
        """Checks that each attack is answered with only a close frame of this code, and then the end of the
        stream. The server need not wait for our close frame."""
        for attack in attacks:
            peer = self.peer()
            peer.send(attack)
            opcode, payload = peer.frame()
            self.assertEqual((opcode, struct.unpack("!H", payload[:2])[0]), (CLOSE, code), attack[:60])
            try:
                peer.send(frame(CLOSE, payload))
            except ConnectionError:
                pass
            self.assertIsNone(peer.frame())
            peer.connection.close()


class Frames(Conformance):
    def test_5_2_every_form_of_length(self):
        for size in (0, 1, 125, 126, 127, 128, 65535, 65536, 65537, 200_000):
            for opcode in (TEXT, BINARY):
                payload = b"*" * size
                self.assert_echo(frame(opcode, payload), (opcode, payload))

    def test_5_2_a_length_that_is_not_minimal_is_1002(self):
        self.assert_fails(1002, *(
            bytes([0x81, 0x80 | form]) + size.to_bytes(width, "big") + b"mask" + b"x" * size
            for form, width, sizes in ((126, 2, (0, 1, 125)), (127, 8, (0, 125, 126, 65535)))
            for size in sizes))

    def test_5_2_a_length_with_the_highest_bit_set_is_refused(self):
        """1002 is right because the length breaks a MUST, and 1009 because the message would be too big."""
        for length in (1 << 63, (1 << 64) - 1):
            peer = self.peer()
            peer.send(b"\x82\xff" + length.to_bytes(8, "big") + b"mask")
            opcode, payload = peer.frame()
            self.assertEqual(opcode, CLOSE)
            self.assertIn(struct.unpack("!H", payload[:2])[0], (1002, 1009))

    def test_5_2_too_big_is_1009_as_soon_as_the_length_is_known(self):
        limit = 32 * 1024 * 1024
        self.assert_fails(1009, frame(BINARY, b"", length=limit + 1),
                          frame(BINARY, b"", length=(1 << 63) - 1),
                          frame(TEXT, b"x" * 100, final=False) + frame(CONTINUATION, b"", length=limit))

    def test_5_2_reserved_bits_are_1002(self):
        """No extension was negotiated."""
        self.assert_fails(1002, *(frame(opcode, b"", reserved=bits) for bits in range(1, 8)
                                  for opcode in (TEXT, BINARY, PING, CLOSE)),
                          frame(TEXT, b"x", final=False) + frame(CONTINUATION, b"y", reserved=4))

    def test_5_2_reserved_opcodes_are_1002(self):
        self.assert_fails(1002, *(frame(opcode, b"") for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)),
                          frame(TEXT, b"x", final=False) + frame(3, b""))

    def test_5_1_an_unmasked_frame_is_1002(self):
        self.assert_fails(1002, *(frame(opcode, b"", masked=False)
                                  for opcode in (TEXT, BINARY, PING, PONG, CLOSE)))

    def test_5_3_any_mask_is_accepted(self):
        for mask in (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\1", b"\x12\x34\x56\x78"):
            for size in range(12):
                payload = bytes(range(size))
                mixed = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
                self.assert_echo(bytes([0x82, 0x80 | size]) + mask + mixed, (BINARY, payload))

    def test_a_frame_may_be_cut_at_every_byte(self):
        message = "aé水😀" * 40  # 16-bit length
        data = frame(TEXT, message.encode()) + frame(PING, b"p") + frame(BINARY, b"")
        peer = self.peer()
        for at in range(len(data) + 1):
            peer.send(data[:at])
            if at % 20 == 0:
                time.sleep(0.001)  # so that the server reads some parts separately
            peer.send(data[at:])
        for _ in range(len(data) + 1):
            self.assertEqual(peer.frame(), (TEXT, message.encode()))
            self.assertEqual(peer.frame(), (PONG, b"p"))
            self.assertEqual(peer.frame(), (BINARY, b""))

    def test_bytes_may_come_one_by_one(self):
        data = frame(TEXT, "水".encode(), final=False) + frame(PING, b"") + frame(CONTINUATION, b"x" * 130)
        peer = self.peer()
        for byte in data:
            peer.send(bytes([byte]))
        self.assertEqual(peer.frame(), (PONG, b""))
        self.assertEqual(peer.frame(), (TEXT, "水".encode() + b"x" * 130))


class Fragments(Conformance):
    def test_5_4_many_fragments_are_one_message(self):
        for opcode in (TEXT, BINARY):
            for count in (2, 3, 10, 100):
                pieces = [b"%d," % n for n in range(count)]
                data = frame(opcode, pieces[0], final=False)
                data += b"".join(frame(CONTINUATION, piece, final=False) for piece in pieces[1:-1])
                data += frame(CONTINUATION, pieces[-1])
                self.assert_echo(data, (opcode, b"".join(pieces)))

    def test_5_4_fragments_may_be_empty(self):
        empty = frame(CONTINUATION, b"", final=False)
        for start, end in ((b"", b""), (b"x", b""), (b"", b"x")):
            self.assert_echo(frame(TEXT, start, final=False) + empty * 3 + frame(CONTINUATION, end),
                             (TEXT, start + end))

    def test_5_4_control_frames_may_come_between_fragments(self):
        self.assert_echo(frame(TEXT, b"a", final=False) + frame(PING, b"1") + frame(PONG, b"")
                         + frame(CONTINUATION, b"b", final=False) + frame(PING, b"2")
                         + frame(CONTINUATION, b"c"), (PONG, b"1"), (PONG, b"2"), (TEXT, b"abc"))

    def test_5_4_a_close_frame_between_fragments_ends_the_connection(self):
        peer = self.peer()
        peer.send(frame(TEXT, b"a", final=False) + frame(CLOSE, close_payload(1000)))
        self.assertEqual(peer.frame(), (CLOSE, close_payload(1000)))
        self.assertIsNone(peer.frame())

    def test_5_4_a_continuation_without_a_message_is_1002(self):
        for final in (True, False):
            self.assert_fails(1002, frame(CONTINUATION, b"x", final=final),
                              frame(CONTINUATION, b"", final=final))
        peer = self.peer()
        peer.send(frame(TEXT, b"a", final=False) + frame(CONTINUATION, b"b") + frame(CONTINUATION, b"c"))
        self.assertEqual(peer.frame(), (TEXT, b"ab"))
        self.assertEqual(peer.frame()[1][:2], close_payload(1002))

    def test_5_4_a_new_message_inside_a_message_is_1002(self):
        for opcode in (TEXT, BINARY):
            for final in (True, False):
                self.assert_fails(1002, frame(TEXT, b"a", final=False) + frame(opcode, b"b", final=final))

    def test_5_5_a_fragmented_control_frame_is_1002(self):
        for opcode in (PING, PONG, CLOSE):
            self.assert_fails(1002, frame(opcode, b"", final=False))

    def test_5_5_a_control_frame_of_more_than_125_bytes_is_1002(self):
        for opcode in (PING, PONG, CLOSE):
            self.assert_fails(1002, frame(opcode, b"x" * 126), frame(opcode, b"", length=70_000))


class PingPong(Conformance):
    def test_5_5_3_a_pong_has_the_payload_of_its_ping(self):
        for payload in (b"", b"x", bytes(range(125)), b"\xff\xfe"):
            self.assert_echo(frame(PING, payload), (PONG, payload))

    def test_5_5_3_many_pings_are_answered_in_order(self):
        """The RFC allows a server to answer only the newest ping. This server answers each."""
        pings = [b"%d" % n for n in range(500)]
        self.assert_echo(b"".join(frame(PING, ping) for ping in pings), *((PONG, p) for p in pings))

    def test_5_5_3_an_unsolicited_pong_is_not_answered(self):
        peer = self.peer()
        peer.send(frame(PONG, b"") + frame(PONG, b"x" * 125))
        self.assertTrue(peer.is_silent())
        peer.send(frame(PING, b"still there"))
        self.assertEqual(peer.frame(), (PONG, b"still there"))


class Close(Conformance):
    def assert_answered(self, payload, answer):
        peer = self.peer()
        peer.send(frame(CLOSE, payload))
        self.assertEqual(peer.frame(), (CLOSE, answer), payload)
        self.assertIsNone(peer.frame())
        peer.connection.close()

    def test_5_5_1_a_close_frame_is_answered_with_its_code_and_then_the_stream_ends(self):
        """Tests the codes that a client may send (7.4): the RFC's own, the codes registered later, and the
        ranges for libraries (3000) and applications (4000). The answer need not repeat the reason."""
        for code in (*range(1000, 1004), *range(1007, 1014), 3000, 3999, 4000, 4999):
            self.assert_answered(close_payload(code), close_payload(code))
            self.assert_answered(close_payload(code, "tschüß".encode()), close_payload(code))
        self.assert_answered(close_payload(1000, b"x" * 123), close_payload(1000))

    def test_7_1_5_a_close_frame_without_a_code_is_answered(self):
        """The answer has the code 1000. An answer without a code would also be right."""
        self.assert_answered(b"", close_payload(1000))

    def test_7_4_codes_that_must_not_be_sent_are_1002(self):
        """Does not test 1014, which was registered later (bad gateway) and which Beast accepts since Boost 1.92."""
        for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2998, 2999):
            self.assert_fails(1002, frame(CLOSE, close_payload(code)))

    def test_7_4_the_code_1014_is_refused_or_answered(self):
        """Beast refuses it up to Boost 1.91. Either way the connection ends with a close frame."""
        peer = self.peer()
        peer.send(frame(CLOSE, close_payload(1014)))
        opcode, payload = peer.frame()
        self.assertEqual(opcode, CLOSE)
        self.assertIn(payload[:2], (close_payload(1002), close_payload(1014)))
        self.assertIsNone(peer.frame())

    def test_7_4_2_codes_outside_all_ranges_are_accepted(self):
        """The RFC defines no range from 5000 on, and does not say how to handle such codes. Beast accepts the
        close frame and answers it."""
        for code in (5000, 65535):
            self.assert_answered(close_payload(code), close_payload(code))

    def test_5_5_1_a_close_frame_with_one_byte_is_1002(self):
        self.assert_fails(1002, frame(CLOSE, b"\x03"))

    def test_5_5_1_a_reason_that_is_not_utf8_is_1002(self):
        """The RFC names no code for this case (1007 is for messages). Beast uses 1002."""
        self.assert_fails(1002, *(frame(CLOSE, close_payload(1000, bad)) for bad, _ in BAD_UTF8),
                          frame(CLOSE, close_payload(1000, "é".encode()[:1])))

    def test_5_5_1_frames_after_a_close_frame_are_ignored(self):
        for after in (frame(TEXT, b"x"), frame(PING, b"x"), frame(CLOSE, close_payload(1001)), b"\xff" * 9):
            peer = self.peer()
            peer.send(frame(CLOSE, close_payload(1000)) + after)
            self.assertEqual(peer.frame(), (CLOSE, close_payload(1000)))
            self.assertIsNone(peer.frame())

    def test_7_1_1_frames_before_the_close_frame_are_answered(self):
        peer = self.peer()
        peer.send(frame(TEXT, b"one") + frame(PING, b"two") + frame(CLOSE, close_payload(1000)))
        for expected in ((TEXT, b"one"), (PONG, b"two"), (CLOSE, close_payload(1000)), None):
            self.assertEqual(peer.frame(), expected)


class Utf8(Conformance):
    def test_8_1_fragments_may_split_characters_at_every_byte(self):
        text = CHARACTERS.encode()
        peer = self.peer()
        for at in range(len(text) + 1):
            peer.send(frame(TEXT, text[:at], final=False) + frame(CONTINUATION, text[at:]))
            self.assertEqual(peer.frame(), (TEXT, text))
        peer.send(frame(TEXT, text[:1], final=False)
                  + b"".join(frame(CONTINUATION, text[i:i + 1], final=False) for i in range(1, len(text)))
                  + frame(CONTINUATION))
        self.assertEqual(peer.frame(), (TEXT, text))

    def test_8_1_segments_may_split_characters_at_every_byte(self):
        data = frame(TEXT, CHARACTERS.encode())
        peer = self.peer()
        for at in range(len(data) + 1):
            peer.send(data[:at])
            time.sleep(0.001)
            peer.send(data[at:])
            self.assertEqual(peer.frame(), (TEXT, CHARACTERS.encode()))

    def test_8_1_invalid_utf8_is_1007(self):
        """The invalid bytes come by themselves, after valid text, before it, and split into fragments at every
        byte."""
        for bad, _ in BAD_UTF8:
            self.assert_fails(1007, frame(TEXT, bad), frame(TEXT, b"x" * 50 + bad),
                              frame(TEXT, "é水".encode() + bad + b"x"),
                              *(frame(TEXT, bad[:at], final=False) + frame(CONTINUATION, bad[at:])
                                for at in range(len(bad))))

    def test_8_1_a_message_that_ends_inside_a_character_is_1007(self):
        for character in "é水😀":
            for at in range(1, len(character.encode())):
                cut = character.encode()[:at]
                self.assert_fails(1007, frame(TEXT, cut), frame(TEXT, cut, final=False) + frame(CONTINUATION))

    def test_8_1_binary_messages_may_contain_any_bytes(self):
        for bad, _ in BAD_UTF8:
            self.assert_echo(frame(BINARY, bad), (BINARY, bad))
        self.assert_echo(frame(BINARY, b"\xff", final=False) + frame(CONTINUATION, b"\xfe"), (BINARY, b"\xff\xfe"))

    def test_8_1_bad_utf8_fails_before_the_message_ends(self):
        """It fails as soon as the fragment is complete. The RFC would allow waiting for the message's end."""
        for bad, enough in BAD_UTF8:
            self.assert_fails(1007, frame(TEXT, b"ok" + bad[:enough], final=False))

    def test_8_1_every_code_point_is_echoed(self):
        everything = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x110000, 7))))
        self.assert_echo(frame(TEXT, everything.encode()), (TEXT, everything.encode()))


class Any(Conformance):
    def test_any_valid_sequence_is_echoed_however_it_is_split(self):
        """Sends messages in random fragments, with pings between them, in random pieces."""
        dice = random.Random(6455)
        for _ in range(30):
            data, expected = b"", []
            for _ in range(20):
                text = "".join(dice.choice(CHARACTERS) for _ in range(dice.choice((0, 3, 60, 900))))
                opcode = dice.choice((TEXT, BINARY))
                payload, at = text.encode(), 0
                while True:
                    size = dice.randrange(1, len(payload) + 2)
                    final = at + size >= len(payload)
                    data += frame(CONTINUATION if at else opcode, payload[at:at + size], final=final)
                    at += size
                    if final:
                        break
                    if dice.random() < 0.3:
                        data += frame(PING, b"%d" % at)
                        expected.append((PONG, b"%d" % at))
                expected.append((opcode, payload))
            pieces = []
            while data:
                size = dice.randrange(1, 2000)
                pieces.append(data[:size])
                data = data[size:]
            self.assert_echo(pieces, *expected)

    def test_without_the_option_echo_is_a_chat(self):
        """/echo is then a target like any other."""
        server = self.start()
        client = self.join(server, "/echo")
        client.send_frame(TEXT, b"x")
        self.assertEqual(client.take("error")["code"], "bad_json")


if __name__ == "__main__":
    run_tests()
