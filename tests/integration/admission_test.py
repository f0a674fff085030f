"""Admission: the server accepts only WebSocket clients, from allowed pages, up to its limit, and only as long as
they behave."""

import time

from chat_client import CLOSE, ChatClient
from chat_server import ServerTest, run_tests
from connection import upgrade_request

HANDSHAKE_LIMIT = 5.0  # the default


class Http(ServerTest):
    def answer(self, server, request):
        connection = self.connect(server)
        connection.send(request)
        return connection.response()

    def test_a_browser_tab_or_curl_is_told_to_upgrade(self):
        server = self.start()
        for request in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n",
                        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
                        b"GET / HTTP/1.0\r\n\r\n"):
            status, headers, _ = self.answer(server, request)
            self.assertEqual((status, headers["upgrade"]), (426, "websocket"), request)
        _, headers, body = self.answer(server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertIn(b"WebSocket client", body)
        self.assert_chat_works(server)

    def test_another_websocket_version_or_a_missing_key_is_refused(self):
        server = self.start()
        right = upgrade_request()
        for wrong in (right.replace(b"Version: 13", b"Version: 8"),
                      right.replace(b"Sec-WebSocket-Key", b"X-Key")):
            status, _, _ = self.answer(server, wrong)
            self.assertIn(status, (400, 426), wrong)
        self.assert_chat_works(server)

    def test_malformed_http_closes_the_connection(self):
        """TLS, noise, and endless headers."""
        server = self.start()
        for noise in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20, b"\0" * 100,
                      b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000, b"\r\n" * 9000):
            connection = self.connect(server)
            connection.send(noise)
            self.assertTrue(connection.has_hung_up(within=2), noise[:20])
        self.assert_chat_works(server)

    def test_a_client_that_sends_nothing_or_half_a_request_is_closed_after_five_seconds(self):
        server = self.start()
        started = time.monotonic()
        silent, halting = self.connect(server), self.connect(server)
        halting.send(upgrade_request()[:-2])
        self.assert_chat_works(server)
        for connection in (silent, halting):
            self.assertTrue(connection.has_hung_up(within=HANDSHAKE_LIMIT + 2))
            self.assertGreater(time.monotonic() - started, HANDSHAKE_LIMIT - 1)
        self.assert_chat_works(server)


class Origin(ServerTest):
    def status(self, server, origin, host="127.0.0.1"):
        connection = self.connect(server)
        connection.send(upgrade_request(headers=[f"Origin: {origin}"], host=host))
        return connection.response()[0]

    def test_a_page_from_another_site_may_not_connect(self):
        """Otherwise any page that a user visits could chat through the user's browser."""
        server = self.start()
        for origin in ("https://evil.example", "null", "", "http://127.0.0.1.evil.example",
                       "http://evil.example:80/127.0.0.1", "http://localhost@evil.example"):
            self.assertEqual(self.status(server, origin), 403, origin)

    def test_a_page_from_this_machine_or_this_host_may_connect(self):
        server = self.start()
        for origin in ("http://localhost", "http://localhost:3000", "http://127.0.0.1:8081",
                       "https://localhost", "http://[::1]:8081"):
            self.assertEqual(self.status(server, origin), 101, origin)
        self.assertEqual(self.status(server, "http://chat.lan:80", host="chat.lan:80"), 101)

    def test_allow_origin_accepts_the_listed_pages_and_no_others(self):
        server = self.start("--allow-origin", "https://a.example", "--allow-origin", "https://b.example")
        self.assertEqual(self.status(server, "https://a.example"), 101)
        self.assertEqual(self.status(server, "https://b.example"), 101)
        self.assertEqual(self.status(server, "https://c.example"), 403)
        self.assertEqual(self.status(self.start("--allow-origin", "*"), "https://c.example"), 101)


class Limits(ServerTest):
    def test_a_full_server_answers_503_and_accepts_again_when_a_client_leaves(self):
        """The client may leave with a close frame, by a reset, or because the server closes it."""
        server = self.start("--max-clients", "3", "--max-message-bytes", "100")
        everyone = [self.join(server) for _ in range(3)]
        for leave in (self.leave_politely, self.leave_by_reset, self.be_thrown_out) * 5:
            self.assertEqual(ChatClient(self.connect(server)).try_upgrade(), 503)
            leave(everyone.pop(0))
            everyone.append(self.join_when_there_is_room(server))
        self.assert_chat_works(server, *everyone)

    def leave_politely(self, client):
        client.send_frame(CLOSE, (1000).to_bytes(2, "big"))
        self.assertEqual(client.take_close().code, 1000)

    def leave_by_reset(self, client):
        client.connection.reset()

    def be_thrown_out(self, client):
        client.say("x" * 200)
        self.assertEqual(client.take_close().code, 1009)

    def test_too_many_messages_per_second_are_1008(self):
        """One second's messages may arrive at once. The other clients continue to chat."""
        server = self.start("--max-rate", "10")
        polite, rude = self.join(server), self.join(server)
        rude.say(*(str(n) for n in range(30)))
        self.assertEqual(rude.take_close().code, 1008)
        polite.say("hello")
        ack = polite.take("ack")
        self.assertIn(ack["seq"], (11, 12), "ten messages got through, or eleven if they took long")
        polite.read_to(ack["seq"])

    def test_an_idle_client_stays_if_it_answers_pings_and_is_1008_if_not(self):
        server = self.start("--idle-timeout", "600ms")
        idle, dead = self.join(server), self.join(server)
        dead.answers_pings = False
        with self.assertRaises(TimeoutError):
            idle.wait_until(lambda: False, "the end", within=2)
        self.assertEqual(dead.take_close().code, 1008)
        self.assert_chat_works(server, idle)


if __name__ == "__main__":
    run_tests()
