"""The admin plane of a running server: its answers, the requests it refuses, and the bad clients it tolerates."""

import re
import socket
import subprocess
import time

from admin_client import Events, admin_port, ask, status_of
from chat_client import TEXT
from chat_server import PATIENCE, ChatServer, ServerTest, run_tests
from connection import Connection


class Admin(ServerTest):
    def events(self, server):
        stream = Events(server)
        self.addCleanup(stream.close)
        return stream

    def admin_connection(self, server, **options):
        connection = Connection(admin_port(server), timeout=PATIENCE, **options)
        self.addCleanup(connection.close)
        return connection

    # --- Answers ---

    def test_health_is_200_while_it_is_alive(self):
        answer = ask(self.start(), "/healthz")
        self.assertEqual((answer.status, answer.json()["status"]), (200, "alive"))

    def test_state_counts_what_happened(self):
        server = self.start()
        everyone = [self.join(server) for _ in range(3)]
        self.assert_chat_works(server, *everyone)
        everyone[0].send_frame(TEXT, b"no JSON")
        everyone[0].take("error")
        state = ask(server, "/api/state").json()
        self.assertEqual(state["server"]["pid"], server.process.pid)
        self.assertEqual(f"{state['server']['mutex']}-{state['server']['guard']}", server.flavour)
        self.assertEqual(state["server"]["chat"], server.facts["chat"])
        counted = state["counters"]
        self.assertEqual((counted["clients"], counted["messages"], counted["deliveries"],
                          counted["refused_messages"]), (3, 1, 3, 1))
        self.assertGreater(counted["sent_bytes"], counted["received_bytes"])
        self.assertIsNone(state["lock"]["holder"])
        self.assertGreaterEqual(state["lock"]["hold"]["count"], 4)

    def test_stall_is_404_when_there_was_none(self):
        self.assertEqual(ask(self.start(), "/api/stall").status, 404)

    def test_metrics_are_in_the_prometheus_format(self):
        server = self.start("--max-clients", "1")
        self.join(server)
        answer = self.connect(server)
        answer.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertEqual(answer.response()[0], 426)
        metrics = ask(server, "/metrics")
        self.assertEqual(metrics.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8")
        sample = re.compile(r'chat_[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.e+-]+')
        lines = metrics.body.decode().splitlines()
        for line in lines:
            if not line.startswith("# "):
                self.assertIsNotNone(sample.fullmatch(line), line)
        for wanted in ("chat_clients 1", "chat_connections_total 2", 'chat_health{status="alive"} 1',
                       'chat_refused_connections_total{reason="no_websocket"} 1',
                       'chat_stalls_total{verdict="deadlock"} 0'):
            self.assertIn(wanted, lines)
        buckets = [int(line.split()[-1]) for line in lines
                   if line.startswith("chat_lock_hold_seconds_bucket")]
        self.assertEqual(buckets, sorted(buckets))
        self.assertIn(f"chat_lock_hold_seconds_count {buckets[-1]}", lines)

    def test_the_program_serves_the_page_and_its_files(self):
        """The page refers to nothing outside the program."""
        server = self.start()
        page = ask(server, "/")
        self.assertEqual((page.status, page.headers["content-type"]), (200, "text/html; charset=utf-8"))
        files = re.findall(r'(?:src|href)="(/[a-z]+\.[a-z]+)"', page.body.decode())
        self.assertGreater(len(files), 2)
        for file in files:
            self.assertEqual(ask(server, file).status, 200, file)
        self.assertNotIn(b"//", page.body)
        self.assertIn("default-src 'none'", page.headers["content-security-policy"])
        self.assertNotIn("access-control-allow-origin", page.headers)

    def test_events_come_ten_times_a_second(self):
        stream = self.events(self.start())
        self.assertEqual((stream.status, stream.headers["content-type"]), (200, "text/event-stream"))
        first = stream.take()
        for _ in range(10):
            last = stream.take()
        self.assertTrue(900 <= last["uptime_ms"] - first["uptime_ms"] < 3000, (first, last))

    def test_many_requests_use_one_connection(self):
        connection = self.admin_connection(self.start())
        for _ in range(3):
            connection.send(b"GET /healthz?why=not HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertEqual(connection.response()[0], 200)

    # --- Refused requests ---

    def test_unknown_paths_are_404_and_the_answer_lists_the_known_ones(self):
        server = self.start()
        for path in ("/nothing", "/page.js/", "/../etc/passwd", "/api", "//", "/index.htm"):
            answer = ask(server, path)
            self.assertEqual(answer.status, 404, path)
            self.assertIn("/metrics", answer.json()["paths"])

    def test_only_get_and_head_are_allowed(self):
        server = self.start()
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND"):
            answer = ask(server, "/healthz", method=method)
            self.assertEqual((answer.status, answer.headers["allow"]), (405, "GET, HEAD"), method)

    def test_head_is_get_without_the_body(self):
        server = self.start()
        get, head = ask(server, "/"), ask(server, "/", method="HEAD")
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(head.headers["content-length"], str(len(get.body)))

    def test_a_body_is_refused(self):
        self.assertEqual(ask(self.start(), "/healthz", body=b"x" * 100).status, 413)

    def test_malformed_http_is_400(self):
        server = self.start()
        for bad in (b"hello\r\n\r\n", b"GET /\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\r\n\r\n",
                    b"GET / HTTP/1.1\r\nHost: localhost\r\nNo colon\r\n\r\n",
                    b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"):
            self.assertEqual(status_of(server, bad), 400, bad)

    def test_a_long_header_is_431(self):
        server = self.start()
        for size, status in ((7000, 200), (8200, 431), (100_000, 431)):
            self.assertEqual(ask(server, "/healthz", headers={"X-Long": "x" * size}).status, status, size)

    def test_a_foreign_host_name_is_421(self):
        """Otherwise another site could point its own name to this address, and its page could read everything."""
        server = self.start("--admin-host", "chat.example")
        for host, status in (("localhost", 200), ("LocalHost:1", 200), ("127.0.0.1:8081", 200), ("[::1]:8081", 200),
                             ("chat.example:8081", 200), ("evil.example", 421), ("127.0.0.1.evil.example", 421),
                             ("localhost.evil.example", 421), ("", 421)):
            self.assertEqual(ask(server, "/healthz", headers={"Host": host}).status, status, host)

    # --- Bad clients that it tolerates ---

    def test_a_request_that_does_not_end_is_cut_off(self):
        server = self.start()
        slow = self.admin_connection(server)
        slow.send(b"GET / HTTP/1.1\r\nHost: local")
        self.assertEqual(ask(server, "/healthz").status, 200)
        self.assertTrue(slow.has_hung_up(within=PATIENCE))

    def test_connections_are_limited_and_the_oldest_silent_one_makes_room(self):
        """Otherwise one client could hide a freeze by holding all connections."""
        server = self.start()
        stream = self.events(server)
        crowd = [self.admin_connection(server) for _ in range(80)]
        limit = 64 - 1  # the stream uses one connection
        self.assertEqual(ask(server, "/healthz").status, 200)
        self.assertTrue(crowd[80 - limit].has_hung_up(within=2))  # before its own time limit
        self.assertFalse(any(connection.has_hung_up(within=0) for connection in crowd[80 - limit + 1:]))
        self.assertTrue(all(connection.has_hung_up(within=0) for connection in crowd[:80 - limit + 1]))
        stream.take()

    def test_an_answered_connection_makes_room_when_it_has_been_idle_longest(self):
        server = self.start()
        first, second = self.admin_connection(server), self.admin_connection(server)
        for connection in (second, first):
            connection.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertEqual(connection.response()[0], 200)
        crowd = [self.admin_connection(server) for _ in range(64 - 1)]
        self.assertTrue(second.has_hung_up(within=2))
        self.assertFalse(first.has_hung_up(within=0))
        self.assertFalse(crowd[0].has_hung_up(within=0))

    def test_connections_that_do_not_read_their_answers_make_room(self):
        """A new client is answered even if the closed connections are opened again at once."""
        server = self.start()

        def hold_one():
            connection = self.admin_connection(server, receive_buffer=2048)
            connection.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
            return connection

        crowd = [hold_one() for _ in range(64)]
        for connection in (crowd[0], crowd[-1]):
            connection.wait_until_nothing_more_comes()
        for _ in range(10):
            self.assertEqual(ask(server, "/healthz").status, 200)
            crowd = [hold_one() if connection.has_hung_up(within=0) else connection for connection in crowd]

    def test_event_streams_are_limited_and_leave_room_for_other_requests(self):
        server = self.start()
        streams = [self.events(server) for _ in range(18)]
        self.assertEqual([stream.status for stream in streams], [200] * 16 + [503] * 2)
        self.assertEqual(ask(server, "/healthz").status, 200)
        streams[0].close()
        deadline = time.monotonic() + PATIENCE
        while (another := self.events(server)).status != 200:
            another.close()
            self.assertLess(time.monotonic(), deadline)

    def test_a_client_that_takes_no_events_is_dropped(self):
        """Other clients do not wait for it meanwhile."""
        server = self.start()
        sleeper = self.admin_connection(server, receive_buffer=2048)
        sleeper.send(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        others = self.events(server)
        deadline = time.monotonic() + 40
        while "does not read events" not in server.log():
            others.take()
            self.assertLess(time.monotonic(), deadline)
        self.assert_chat_works(server)

    # --- Its port ---

    def test_a_port_in_use_exits_with_1_and_the_message_says_what_to_do(self):
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        port = str(taken.getsockname()[1])
        ended = subprocess.run([ChatServer.program, "--port", "0", "--admin-port", port],
                               capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual((ended.returncode, ended.stdout, ended.stderr.count("\n")), (1, "", 1), ended.stderr)
        for hint in (port, "in use", "--admin-port", "--no-admin"):
            self.assertIn(hint, ended.stderr)

    def test_no_admin_means_none(self):
        server = self.start("--no-admin")
        self.assertNotIn("admin", server.facts)
        self.assert_chat_works(server)

    def test_it_listens_on_loopback_even_if_the_chat_does_not(self):
        server = self.start("--address", "0.0.0.0")
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", admin_port(server)), timeout=PATIENCE)


if __name__ == "__main__":
    run_tests()
