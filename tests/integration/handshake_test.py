"""Handshakes according to RFC 9110, 9112 and 6455: equivalent requests get the same answer, a refusal says what to
change, and each refusal is counted under its reason and logged."""

import subprocess
import time

from admin_client import admin_port, ask, metrics, status_of
from chat_client import ChatClient
from chat_server import PATIENCE, ChatServer, ServerTest, run_tests
from connection import KEY, Connection

REASONS = 'chat_refused_connections_total{reason="%s"}'


def request(*replaced, start="GET / HTTP/1.1", without=(), more=()):
    """Returns a valid handshake in which some header lines are replaced (by name), left out or added."""
    lines = {"host": "Host: chat.lan", "upgrade": "Upgrade: websocket", "connection": "Connection: Upgrade",
             "sec-websocket-key": f"Sec-WebSocket-Key: {KEY}", "sec-websocket-version": "Sec-WebSocket-Version: 13"}
    for line in replaced:
        lines[line.split(":")[0].lower()] = line
    kept = [line for name, line in lines.items() if name not in without]
    return "\r\n".join([start, *kept, *more, "", ""]).encode()


class Handshake(ServerTest):
    def answer(self, server, sent):
        connection = self.connect(server)
        connection.send(sent)
        return connection.response()

    def assert_let_in(self, *requests, flags=()):
        """Checks that each request is answered with an upgrade, and that the chat then works."""
        server = self.start(*flags)
        for sent in requests:
            client = ChatClient(self.connect(server))
            client.connection.send(sent)
            self.assertEqual(client.take_upgrade(), 101, sent)
            client.take("welcome")
            client.connection.close()
        self.assert_chat_works(server)

    def assert_refused(self, status, reason, *requests, hint="", flags=()):
        """Checks that each request gets this status and a body with this hint, is counted under the reason, and
        is logged."""
        server = self.start(*flags)
        for number, sent in enumerate(requests, 1):
            got, headers, body = self.answer(server, sent)
            self.assertEqual(got, status, sent)
            self.assertIn(hint, body.decode(), sent)
            self.assertEqual(headers["connection"].split()[-1], "close")
            if status == 426:
                self.assertEqual((headers["upgrade"], headers["sec-websocket-version"]), ("websocket", "13"))
            self.assertEqual(metrics(server)[REASONS % reason], number, sent)
            self.assertEqual(self.count_logged(server, f"turned away status={status} reason=", number), number, sent)
        self.assert_chat_works(server)
        everything = sum(count for name, count in metrics(server).items()
                         if name.startswith("chat_refused_connections_total"))
        self.assertEqual(everything, len(requests))
        self.assertEqual(ask(server, "/api/state").json()["counters"]["refused_connections"], len(requests))

    def count_logged(self, server, text, least):
        """Waits until the log contains the text that often, for at most two seconds. Returns the number found."""
        deadline = time.monotonic() + 2
        while (count := server.log().count(text)) < least and time.monotonic() < deadline:
            time.sleep(0.01)
        return count

    # --- Lists and tokens ---

    def test_several_header_lines_form_one_list(self):
        self.assert_let_in(
            request("Connection: keep-alive", more=["Connection: Upgrade"]),
            request("Connection: Upgrade", more=["Connection: keep-alive"]),
            request("Connection: keep-alive", more=["X: y", "connection: close, uPGRADE"]),
            request("Upgrade: h2c", more=["Upgrade: websocket"]),
            request("Upgrade: h2c, foo/1", "Connection: a", more=["Upgrade: WebSocket", "Connection: b,\tUpgrade ,c"]))

    def test_case_and_blanks_in_lists_and_names_do_not_matter(self):
        self.assert_let_in(
            request("connection: upgrade", "UPGRADE: WEBSOCKET"),
            request("Connection: keep-alive, Upgrade"), request("Connection:Upgrade,keep-alive"),
            request("Connection: ,, Upgrade ,"), request("Upgrade: h2c/1.0, websocket"),
            request(f"sec-websocket-key:   {KEY}  ", "SEC-WEBSOCKET-VERSION:13"))

    def test_a_token_that_only_looks_like_upgrade_or_websocket_is_refused(self):
        self.assert_refused(426, "no_websocket",
                            request("Connection: Upgrades"), request("Connection: no-Upgrade"),
                            request("Upgrade: websocket2"), request("Upgrade: web socket"),
                            request("Upgrade: h2c", more=["Upgrade: tls"]))

    # --- Proxies ---

    def test_the_refusal_of_an_http_1_0_upgrade_mentions_proxy_http_version(self):
        """nginx speaks HTTP 1.0 to the servers behind it unless it is configured otherwise."""
        self.assert_refused(426, "no_websocket",
                            request(start="GET / HTTP/1.0"),
                            request("Connection: close", start="GET / HTTP/1.0", without=["upgrade"]),
                            request(start="GET / HTTP/1.0", without=["host"]),
                            b"GET / HTTP/1.0\r\n\r\n", hint="proxy_http_version 1.1")

    def test_the_refusal_of_a_handshake_without_upgrade_mentions_the_proxy_setting(self):
        self.assert_refused(426, "no_websocket",
                            request("Connection: close", without=["upgrade"]), request(without=["upgrade"]),
                            request(without=["connection"]), hint="proxy_set_header Upgrade")

    def test_behind_nginx_a_page_from_the_same_host_may_connect(self):
        """nginx may be configured with Host $host:$server_port, Host $http_host or Host $host."""
        self.assert_let_in(
            *(request(f"Host: {host}", more=[f"Origin: {origin}"]) for host, origin in (
                ("chat.lan:443", "https://chat.lan"), ("chat.lan", "https://chat.lan"),
                ("chat.lan", "https://chat.lan:443"), ("chat.lan:8443", "https://chat.lan:8443"),
                ("chat.lan", "http://chat.lan"), ("Chat.Lan:80", "http://chat.lan"))))

    def test_another_port_is_another_host(self):
        self.assert_refused(
            403, "origin",
            *(request(f"Host: {host}", more=[f"Origin: {origin}"]) for host, origin in (
                ("chat.lan:80", "https://chat.lan"), ("chat.lan", "https://chat.lan:8443"),
                ("chat.lan:8080", "http://chat.lan"), ("a.chat.lan", "http://chat.lan"))))

    # --- Origins of pages ---

    def test_an_origin_that_only_looks_like_this_machine_is_refused(self):
        self.assert_refused(
            403, "origin",
            *(request(more=[f"Origin: {origin}"]) for origin in (
                "http://127.0.0.1:80.evil.example", "http://localhost:x@evil.example", "evil://localhost",
                "http://[::1]evil", "http://localhost@evil.example", "http://localhost:99999", "null", "")),
            request(more=["Origin: http://localhost", "Origin: http://evil.example"]),
            request(more=["Origin: http://localhost", "Origin: http://localhost"]))

    def test_a_listed_origin_may_be_written_in_any_equivalent_form(self):
        origins = ("https://chat.example", "https://Chat.Example", "https://chat.example:443")
        for listed in (*origins, "https://CHAT.example/"):
            self.assert_let_in(*(request(more=[f"Origin: {origin}"]) for origin in origins),
                               flags=["--allow-origin", listed])

    # --- Required headers ---

    def test_a_missing_doubled_or_invalid_key_is_400(self):
        self.assert_refused(
            400, "bad_request", request(without=["sec-websocket-key"]),
            request(more=[f"Sec-WebSocket-Key: {KEY}"]), request(more=["Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="]),
            *(request(f"Sec-WebSocket-Key: {key}") for key in (
                "", "x", KEY[:-1], KEY + "=", KEY[:-4], "sixteen bytes ok", "!" * 22 + "==", f"{KEY}, {KEY}", "A" * 24)),
            hint="Sec-WebSocket-Key")

    def test_the_key_from_the_rfc_is_valid(self):
        """It is valid although the unused bits of its last digit are set."""
        server = self.start()
        status, headers, _ = self.answer(server, request("Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEC=="))
        self.assertEqual((status, headers["sec-websocket-accept"]), (101, "OfS0wDaT5NoxF2gqm7Zj2YtetzM="))

    def test_another_version_is_426_and_the_answer_names_the_right_one(self):
        self.assert_refused(426, "no_websocket",
                            *(request(f"Sec-WebSocket-Version: {version}")
                              for version in ("8", "7", "0", "14", "13, 8", "013", "x", "")), hint="13")

    def test_a_missing_or_doubled_version_is_400(self):
        self.assert_refused(400, "bad_request", request(without=["sec-websocket-version"]),
                            request(more=["Sec-WebSocket-Version: 13"]), request(more=["Sec-WebSocket-Version: 8"]),
                            hint="Sec-WebSocket-Version")

    def test_a_request_must_name_exactly_one_valid_host(self):
        self.assert_refused(
            400, "bad_request", request(without=["host"]), request(more=["Host: chat.lan"]), request("Host:"),
            b"GET / HTTP/1.1\r\n\r\n",
            *(request(f"Host: {host}") for host in (
                "a b", "a/b", "http://a", "a:x", "a:99999", "user@a", "[::1", "::1", "[::1]x", "a, b", "a#b")),
            hint="Host")

    def test_every_kind_of_host_is_accepted(self):
        self.assert_let_in(*(request(f"Host: {host}") for host in (
            "x", "CHAT.lan", "chat.lan.", "chat.lan:8080", "my_service:80", "127.0.0.1", "[::1]", "[::1]:8080")))

    # --- The absolute form ---

    def test_an_absolute_target_overrides_the_host_header(self):
        """RFC 9112, section 3.2.2."""
        self.assert_let_in(
            *(request(start=f"GET {target} HTTP/1.1") for target in (
                "http://chat.lan/", "ws://chat.lan", "http://chat.lan?name=a", "HTTPS://other.lan:8080/x?name=a")),
            request("Host: x", start="GET https://chat.lan/ HTTP/1.1", more=["Origin: https://chat.lan"]))
        self.assert_refused(403, "origin",
                            request("Host: chat.lan", start="GET http://x/ HTTP/1.1", more=["Origin: http://chat.lan"]))

    def test_a_target_that_is_neither_a_path_nor_a_url_is_400(self):
        self.assert_refused(400, "bad_request", *(request(start=f"GET {target} HTTP/1.1") for target in (
            "chat", "ftp://chat.lan/", "http:///", "http://user@chat.lan/", "http://a:x/", "chat.lan:80")))

    def test_a_client_name_in_an_absolute_target_is_used(self):
        server = self.start()
        client = ChatClient(self.connect(server))
        client.connection.send(request(start="GET ws://chat.lan/?name=zoe HTTP/1.1"))
        client.take_upgrade()
        self.assertEqual(client.take("welcome")["name"], "zoe")

    # --- Other headers ---

    def test_an_offered_subprotocol_is_not_chosen(self):
        """RFC 6455, 4.2.2: the answer has no Sec-WebSocket-Protocol, and the client decides whether to continue."""
        server = self.start()
        for offered in ("chat", "chat, superchat", "graphql-ws"):
            status, headers, _ = self.answer(server, request(more=[f"Sec-WebSocket-Protocol: {offered}"]))
            self.assertEqual(status, 101)
            self.assertNotIn("sec-websocket-protocol", headers)


class Admin(ServerTest):
    def assert_status(self, server, status, *requests):
        for sent in requests:
            self.assertEqual(status_of(server, sent), status, sent)

    def test_the_absolute_form_is_accepted(self):
        server = self.start("--admin-host", "Chat.Example")
        self.assert_status(server, 200, *(
            f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode() for target, host in (
                ("http://localhost/healthz", "localhost"), ("http://localhost:1/healthz?x=y", "localhost"),
                ("HTTP://LOCALHOST/", "localhost"), ("http://localhost", "localhost"), ("http://localhost?x", "localhost"),
                ("http://127.0.0.1/metrics", "evil.example"), ("http://[::1]:8081/api/state", "x"),
                ("https://chat.EXAMPLE/healthz", "chat.example"))))
        self.assert_status(server, 404, b"GET http://localhost/nothing HTTP/1.1\r\nHost: localhost\r\n\r\n",
                           b"GET http://localhost//healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")

    def test_the_host_in_the_absolute_form_must_be_trusted(self):
        self.assert_status(
            self.start(), 421, b"GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"GET http://evil.example/healthz HTTP/1.0\r\n\r\n",
            b"GET http://localhost.evil.example/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")

    def test_a_request_without_a_valid_host_or_target_is_400(self):
        self.assert_status(
            self.start(), 400, b"GET http://localhost/healthz HTTP/1.1\r\n\r\n",
            b"GET http://user@localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"GET http://localhost:x/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"GET ftp://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"GET healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"GET /healthz HTTP/1.1\r\nHost: localhost@evil.example\r\n\r\n",
            b"GET /healthz HTTP/1.1\r\nHost: [::1]evil\r\n\r\n",
            b"GET /healthz HTTP/1.1\r\nHost: localhost:99999\r\n\r\n")

    def test_the_case_of_a_host_does_not_matter(self):
        server = self.start("--admin-host", "MyServer")
        for host in ("myserver", "MyServer:8081", "MYSERVER", "LocalHost"):
            self.assertEqual(ask(server, "/healthz", headers={"Host": host}).status, 200, host)

    def test_close_in_a_second_connection_line_closes_the_connection(self):
        connection = Connection(admin_port(self.start()), timeout=PATIENCE)
        self.addCleanup(connection.close)
        connection.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: x\r\nConnection: close\r\n\r\n")
        status, headers, _ = connection.response()
        self.assertEqual((status, headers["connection"]), (200, "close"))
        self.assertTrue(connection.has_hung_up(within=PATIENCE))


class CommandLine(ServerTest):
    def assert_usage(self, flag, values, hint):
        for value in values:
            ended = subprocess.run([ChatServer.program, "--port", "0", "--admin-port", "0", flag, value],
                                   capture_output=True, text=True, timeout=PATIENCE)
            self.assertEqual((ended.returncode, ended.stdout, ended.stderr.count("\n")), (2, "", 1), (value, ended))
            for part in (flag, f"'{value}'", "write", hint):
                self.assertIn(part, ended.stderr)

    def test_an_impossible_allowed_origin_is_a_usage_error(self):
        self.assert_usage("--allow-origin", ["chat.example", "", "chat.example:443", "//chat.example"], "scheme")
        self.assert_usage("--allow-origin", ["https://chat.example/chat", "https://chat.example//",
                                             "https://chat.example?x", "https://chat.example/#x"], "path")
        self.assert_usage("--allow-origin", ["https://user@chat.example", "https://chat.example:x", "https://",
                                             "https://chat.example:99999", "https://chat.example:0", "https://*.example",
                                             "https://a.example,https://b.example", "https://b\u00fccher.example",
                                             "https://[::1", "https:///", "file:///"], "SCHEME://HOST")
        self.assert_usage("--allow-origin", ["ws://chat.example", "WSS://chat.example:80"], "come from")
        self.assert_usage("--allow-origin", ["null"], "*")

    def test_an_impossible_admin_host_is_a_usage_error(self):
        self.assert_usage("--admin-host", ["http://chat.example", "chat.example/", "user@chat.example", "", "*",
                                           "a b", "a,b", "[::1", "chat.example:x", "b\u00fccher.example"], "host")
        self.assert_usage("--admin-host", ["chat.example:8081", "[::1]:80"], "any port")


if __name__ == "__main__":
    run_tests()
