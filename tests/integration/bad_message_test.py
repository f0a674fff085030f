"""Messages that the server does not understand: it answers what is wrong with them, and the chat continues."""

import json

from chat_client import TEXT
from chat_server import ServerTest, run_tests


class BadMessage(ServerTest):
    def assert_refused(self, code, payloads):
        """Checks that each payload is answered with this error, and that the client stays and others get nothing."""
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
        """Sixteen thousand brackets must not overflow the server's stack."""
        self.assert_refused("bad_json", [b"[" * 16000, b'{"a":' * 3000,
                                         b'{"type":"say","text":"x","ref":' + b"[" * 8000])

    def test_json_that_is_not_a_request(self):
        self.assert_refused("bad_type", [
            None, 7, "say", [], {}, {"type": None}, {"type": 1}, {"type": "shout", "text": "x"},
            {"type": ""}, {"type": "SAY", "text": "x"}, [{"type": "say", "text": "x"}],
            {"text": "x"}, {"type": "welcome"}, {"type": "say\0", "text": "x"}])

    def test_text_that_is_missing_empty_or_too_long(self):
        self.assert_refused("bad_text", [
            {"type": "say"}, {"type": "say", "text": ""}, {"type": "say", "text": "x" * 4097},
            {"type": "say", "text": "é" * 2049}, {"type": "say", "text": None},
            {"type": "say", "text": 7}, {"type": "say", "text": ["x"]}])

    def test_names_that_are_not_allowed(self):
        self.assert_refused("bad_name", [
            {"type": "name"}, {"type": "name", "name": ""}, {"type": "name", "name": "x" * 33},
            {"type": "name", "name": "line\nbreak"}, {"type": "name", "name": "\u202eturned"},
            {"type": "name", "name": "\0"}, {"type": "name", "name": 7}])

    def test_an_invalid_request_does_not_swallow_the_valid_ones_after_it(self):
        """Three requests: an invalid one, then two messages in one send."""
        client = self.join(self.start())
        client.send_json({"type": "nonsense"})
        client.say("one", "two")
        self.assertEqual(client.take("error")["code"], "bad_type")
        client.read_to(2)

    def test_a_client_that_floods_bad_requests_without_reading_does_not_disturb_others(self):
        """The replies fill a bounded queue. Then its requests wait, and the other clients continue to chat."""
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
