"""Messages that say nothing the server understands: it answers what is wrong, and chats on."""

import json

from chat_client import TEXT
from chat_server import ServerTest, run_tests


class BadMessage(ServerTest):
    def assert_refused(self, code, payloads):
        """Each payload is answered with this error; the client stays, and nobody hears of it."""
        server = self.start()
        client, witness = self.join(server), self.join(server)
        for payload in payloads:
            client.send_frame(TEXT, payload if isinstance(payload, bytes)
                              else json.dumps(payload).encode())
            error = client.take("error")
            self.assertEqual(error["code"], code, payload)
            self.assertGreater(len(error["reason"]), 10)
        self.assert_chat_works(server, client, witness)
        self.assertEqual(witness.newest, 1)

    def test_broken_json(self):
        self.assert_refused("bad_json", [
            b"", b" ", b"hello", b"{", b'{"type":"say","text":"x"', b'{"type":"say",}', b"[1,2",
            b'{"type":"say","text":"x"} trailing', b'{"type":"say","text":"\n"}', b"\0", b"nul",
            b'{"type":"say","text":"\\ud800"}', b'{"type":"say","text":"\\x"}', b"'single'"])

    def test_json_nested_too_deeply(self):
        """Sixteen thousand brackets must not overflow anyone's stack."""
        self.assert_refused("bad_json", [b"[" * 16000, b'{"a":' * 3000,
                                         b'{"type":"say","text":"x","ref":' + b"[" * 8000])

    def test_json_that_is_no_request(self):
        self.assert_refused("bad_type", [
            None, 7, "say", [], {}, {"type": None}, {"type": 1}, {"type": "shout", "text": "x"},
            {"type": ""}, {"type": "SAY", "text": "x"}, [{"type": "say", "text": "x"}],
            {"text": "x"}, {"type": "welcome"}, {"type": "say\0", "text": "x"}])

    def test_text_that_is_missing_empty_or_too_long(self):
        self.assert_refused("bad_text", [
            {"type": "say"}, {"type": "say", "text": ""}, {"type": "say", "text": "x" * 4097},
            {"type": "say", "text": "é" * 2049}, {"type": "say", "text": None},
            {"type": "say", "text": 7}, {"type": "say", "text": ["x"]}])

    def test_names_that_are_none(self):
        self.assert_refused("bad_name", [
            {"type": "name"}, {"type": "name", "name": ""}, {"type": "name", "name": "x" * 33},
            {"type": "name", "name": "line\nbreak"}, {"type": "name", "name": "\u202eturned"},
            {"type": "name", "name": "\0"}, {"type": "name", "name": 7}])

    def test_the_first_invalid_request_does_not_swallow_the_valid_ones_behind_it(self):
        """Three requests in one packet: an error, and two messages."""
        client = self.join(self.start())
        client.send_json({"type": "nonsense"})
        client.say("one", "two")
        self.assertEqual(client.take("error")["code"], "bad_type")
        client.read_to(2)

    def test_a_flood_of_bad_requests_from_one_who_reads_no_answer(self):
        """The answers fill a bounded lane; then its requests wait, and others chat on."""
        server = self.start("--write-timeout", "1s")
        flooder = self.join(server, receive_buffer=4096)
        flooder.connection.timeout = 0.5
        with self.assertRaises(TimeoutError):
            while True:
                flooder.connection.send(b"\x81\x80mask" * 1000)  # a thousand empty texts
        self.assert_chat_works(server)
        self.assertTrue(flooder.connection.has_hung_up(within=5))
        self.assert_chat_works(server)


if __name__ == "__main__":
    run_tests()
