"""Every limit has its own answer and is counted under its own name: in /metrics, and in the log when the server
ends. The other clients continue to chat."""

import contextlib
import os
import re
import resource
import signal
import time
import unittest.mock

import chat_server
from admin_client import admin_port, ask, metrics, wait_for_metric
from chat_client import TEXT, ChatClient, frame
from chat_server import PATIENCE, ServerTest, run_tests
from connection import Connection, upgrade_request

PIECE = b'{"type":"say","text":"x"}'
SERIES = {
    "handshake_time": 'chat_refused_connections_total{reason="too_late"}',
    "header_bytes": 'chat_refused_connections_total{reason="header_too_long"}',
    "bad_request": 'chat_refused_connections_total{reason="bad_request"}',
    "origin": 'chat_refused_connections_total{reason="origin"}',
    "clients": 'chat_refused_connections_total{reason="full"}',
    "clients_per_address": 'chat_refused_connections_total{reason="address_full"}',
    "connections": 'chat_refused_connections_total{reason="overload"}',
    "connections_per_address": 'chat_refused_connections_total{reason="address_overload"}',
    "descriptors": "chat_accept_pauses_total",
    "message_bytes": 'chat_closed_clients_total{reason="message_too_big"}',
    "message_rate": 'chat_closed_clients_total{reason="rate"}',
    "frame_flood": 'chat_closed_clients_total{reason="frame_flood"}',
    "idle_time": 'chat_closed_clients_total{reason="idle"}',
    "write_time": 'chat_closed_clients_total{reason="slow_reader"}',
    "history": "chat_gaps_total",
    "replies": "chat_unread_answers_total",
}


def counts(server):
    """Returns how often each limit was hit, according to /metrics. Leaves out limits that were not hit."""
    now = metrics(server)
    return {name: int(now[series]) for name, series in SERIES.items() if now[series] > 0}


class Limits(ServerTest):
    def setUp(self):
        self.connections = []

    def connect(self, server, **options):
        self.connections.append(super().connect(server, **options))
        return self.connections[-1]

    def assert_counts(self, server, maybe=None, **expected):
        """Checks the limits that were hit, in /metrics and in the log at the end. Ignores the limit `maybe`."""
        def without(hits):
            return {name: times for name, times in hits.items() if name != maybe}

        deadline = time.monotonic() + PATIENCE
        while without(counts(server)) != expected and time.monotonic() < deadline:
            time.sleep(0.01)  # a client may notice that it was closed before the server counts it
        self.assertEqual(without(counts(server)), expected)
        for connection in self.connections:
            connection.close()
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 0, server.log())
        logged = re.findall(r"limit hit name=(\w+) times=(\d+)", server.log())
        self.assertEqual(without({name: int(times) for name, times in logged}), expected)

    def answer(self, server, request):
        connection = self.connect(server)
        connection.send(request)
        status, headers, body = connection.response()
        self.assertEqual(headers["connection"].split()[-1], "close")
        self.assertGreater(len(body), 10, "the answer must say why")
        self.assertTrue(connection.has_hung_up(within=2))
        return status

    def test_a_request_that_takes_too_long_is_408(self):
        """One request never begins, one stops halfway, and one arrives too slowly."""
        server = self.start("--handshake-timeout", "500ms")
        slow = [self.connect(server) for _ in range(3)]
        request = upgrade_request()
        slow[1].send(request[:-2])
        at = 0
        while not slow[2].has_hung_up(within=0.1):
            slow[2].send(request[at:at + 1])
            at += 1
        self.assertLess(at, 20)
        self.assertEqual([connection.response()[0] for connection in slow], [408] * 3)
        self.assert_chat_works(server)
        self.assert_counts(server, handshake_time=3)

    def test_a_request_that_still_arrives_at_the_deadline_is_408(self):
        """A read that has just received bytes cannot be cancelled."""
        deadline = 0.2
        server = self.start("--handshake-timeout", f"{deadline * 1000:.0f}ms")
        for _ in range(20):
            slow = self.connect(server)
            slow.send(upgrade_request()[:-2] + b"X: ")
            time.sleep(deadline - 0.01)  # a pace, not a gate: the 7000 single bytes then last beyond the deadline
            for _ in range(7000):
                if slow.has_hung_up(within=0):
                    break
                slow.send(b"x")
            self.assertEqual(slow.response()[0], 408)
        self.assert_counts(server, handshake_time=20)

    def test_a_client_that_finished_its_handshake_in_time_stays(self):
        server = self.start("--handshake-timeout", "300ms")
        client = self.join(server)
        self.assertFalse(client.connection.has_hung_up(within=0.6))
        self.assert_chat_works(server, client)
        self.assert_counts(server)

    def test_a_request_that_is_too_long_is_431(self):
        server = self.start()
        fits = upgrade_request(headers=["X: " + "x" * 7000])
        self.assertEqual(ChatClient(self.send(server, fits)).take_upgrade(), 101)
        for request in (upgrade_request(headers=["X: " + "x" * 9000]),
                        upgrade_request(headers=["X: x"] * 2000),
                        upgrade_request(target="/" + "x" * 9000)):
            self.assertEqual(self.answer(server, request), 431, request[:50])
        self.assert_chat_works(server)
        self.assert_counts(server, header_bytes=3)

    def send(self, server, data):
        connection = self.connect(server)
        connection.send(data)
        return connection

    def test_a_malformed_request_is_400(self):
        server = self.start()
        for noise in (b"\0" * 100, b"hello\r\n\r\n", b"\r\n" * 9000, b"GET / HTTP/9.9\r\n\r\n",
                      b"GET / HTTP/1.1\r\nno colon\r\n\r\n"):
            self.assertEqual(self.answer(server, noise), 400, noise)
        self.assert_counts(server, bad_request=5)

    def test_data_before_the_handshake_response_is_400(self):
        """RFC 6455 (4.1) requires a client to wait for the response. The server would read such data only in part."""
        server = self.start()
        self.assertEqual(self.answer(server, upgrade_request() + frame(TEXT, PIECE)), 400)
        self.assert_counts(server, bad_request=1)

    def test_a_foreign_origin_is_403(self):
        server = self.start()
        request = upgrade_request(headers=["Origin: https://evil.example"])
        self.assertEqual(self.answer(server, request), 403)
        self.assert_chat_works(server)
        self.assert_counts(server, origin=1)

    def test_one_client_too_many_is_503(self):
        server = self.start("--max-clients", "2")
        here = [self.join(server) for _ in range(2)]
        for _ in range(3):
            self.assertEqual(self.answer(server, upgrade_request()), 503)
        self.assert_chat_works(server, *here)
        self.assert_counts(server, clients=3)

    def test_one_client_too_many_from_an_address_is_429_and_other_addresses_may_join(self):
        server = self.start("--max-per-address", "2")
        here = [self.join(server) for _ in range(2)]
        for _ in range(3):
            self.assertEqual(self.answer(server, upgrade_request()), 429)
        here += [self.join(server, source="127.0.0.2") for _ in range(2)]
        here[0].connection.reset()
        here[0] = self.join_when_there_is_room(server)
        self.assert_chat_works(server, *here)
        self.assertGreaterEqual(counts(server)["clients_per_address"], 3)
        self.assert_counts(server, clients_per_address=unittest.mock.ANY)

    def test_a_thousand_clients_refused_at_once_all_get_an_answer(self):
        """They start reading only after all requests have been sent."""
        server = self.start("--max-clients", "1")
        here = self.join(server)
        crowd = [self.send(server, upgrade_request()) for _ in range(1000)]
        self.assertEqual({connection.response()[0] for connection in crowd}, {503})
        self.assert_chat_works(server, here)
        self.assert_counts(server, clients=1000)

    def test_handshakes_in_progress_are_limited_to_about_a_thousand(self):
        """An additional connection is closed without an answer until one of the handshakes ends."""
        server = self.start("--max-clients", "2", "--handshake-timeout", "1m")
        silent = [self.connect(server) for _ in range(2 + 1024)]
        one_more = self.connect(server)
        self.assertTrue(one_more.has_hung_up(within=PATIENCE))
        self.assertEqual(one_more.receive(time.monotonic() + PATIENCE), b"")
        self.assertEqual(counts(server), {"connections": 1})
        silent[0].close()
        self.assert_chat_works(server, self.join_when_there_is_room(server))
        self.assert_counts(server, connections=unittest.mock.ANY)

    def test_the_handshakes_of_one_address_leave_room_for_others(self):
        server = self.start("--max-per-address", "2", "--max-clients", "4", "--handshake-timeout", "1m")
        crowd = [self.connect(server, source="127.0.0.2") for _ in range(1100)]
        self.assertTrue(crowd[-1].has_hung_up(within=PATIENCE))
        self.assertFalse(crowd[65].has_hung_up(within=0))
        self.assert_chat_works(server, *(self.join(server) for _ in range(2)))
        # The first connections are still open and may join.
        clients = [ChatClient(connection) for connection in crowd[:2]]
        self.assertEqual([client.try_upgrade() for client in clients], [101, 101])
        state = ask(server, "/api/state").json()
        self.assertEqual(state["counters"]["refused_connections"], 1100 - 66)
        self.assert_counts(server, connections_per_address=1100 - 66)

    def test_a_message_that_is_too_big_is_1009(self):
        server = self.start("--max-message-bytes", "100")
        client = self.join(server)
        client.send_frame(TEXT, PIECE.ljust(100))
        client.read_to(1)
        client.send_frame(TEXT, PIECE.ljust(101))
        self.assertEqual(client.take_close().code, 1009)
        self.assert_counts(server, message_bytes=1)

    def test_too_many_messages_per_second_are_1008(self):
        server = self.start("--max-rate", "10")
        client = self.join(server)
        client.say(*["x"] * 30)
        self.assertEqual(client.take_close().code, 1008)
        self.assert_counts(server, message_rate=1)

    def test_a_client_that_answers_no_ping_is_1008(self):
        server = self.start("--idle-timeout", "300ms")
        client = self.join(server)
        client.answers_pings = False
        self.assertEqual(client.take_close().code, 1008)
        self.assertGreater(client.pings, 0)
        self.assert_counts(server, idle_time=1)

    def test_a_client_that_does_not_read_is_reset(self):
        """The reset frees the kernel's buffers of the connection at once."""
        server = self.start("--write-timeout", "700ms", "--history", "10")
        talker, sleeper = self.join(server), self.join(server, receive_buffer=4096)
        while not sleeper.connection.has_hung_up(within=0):
            talker.say(*["x" * 4000] * 20)
            talker.read_to((talker.newest or 0) + 20)
        sleeper.answers_pings = sleeper.answers_close = False  # because sending would raise an error after the reset
        closed = sleeper.take_close()
        self.assertEqual(closed.how, "reset")
        self.assertIn(closed.code, (1008, None))  # 1008 if the close frame still fitted into the socket
        self.assert_chat_works(server, talker)
        self.assert_counts(server, maybe="history", write_time=1)

    def test_a_slow_reader_that_reads_too_late_sees_why_it_was_closed(self):
        server = self.start("--write-timeout", "2s", "--history", "10")
        talker, sleeper = self.join(server), self.join(server, receive_buffer=4096)
        for _ in range(5):  # 400 KB, more than the socket takes
            talker.say(*["x" * 4000] * 20)
            talker.read_to((talker.newest or 0) + 20)
        server.wait_for_log("slow reader")
        closed = sleeper.take_close()
        self.assertEqual((closed.code, closed.reason), (1008, "you read too slowly"))
        self.assert_counts(server, maybe="history", write_time=1)

    def test_each_gap_of_a_reader_that_falls_behind_is_counted(self):
        server = self.start("--write-timeout", "1m", "--history", "10")
        talker, sleeper = self.join(server), self.join(server, receive_buffer=4096)
        for seq in range(1000, 3001, 1000):
            for _ in range(50):
                talker.say(*["x" * 4000] * 20)
                talker.read_to((talker.newest or 0) + 20)
            sleeper.read_to(seq)
        gaps = sum(event["type"] == "gap" for event in sleeper.events)
        self.assertGreater(gaps, 0)
        self.assert_counts(server, history=gaps)

    def test_the_server_reads_from_a_client_again_when_the_client_reads_its_replies(self):
        server = self.start("--write-timeout", "1m")
        client = self.join(server, receive_buffer=4096)
        client.say(*["x"] * 50, ref="r" * 12000)  # the replies are more than the socket and the server's queue take
        wait_for_metric(server, SERIES["replies"], 1)
        client.read_to(50)
        self.assertEqual([client.take("ack")["seq"] for _ in range(50)], list(range(1, 51)))
        self.assert_counts(server, replies=unittest.mock.ANY)

    def test_no_client_is_closed_because_the_server_stood_still(self):
        """When the machine sleeps, the server sends no pings and the clients cannot answer in time."""
        server = self.start("--idle-timeout", "2s", "--write-timeout", "2s")
        client, reader = self.join(server), self.join(server, receive_buffer=4096)
        client.say(*["x" * 4000] * 100)
        client.read_to(100)  # most messages still wait for the reader
        server.signal(signal.SIGSTOP)
        with contextlib.suppress(TimeoutError):  # reads everything that the kernel has received
            reader.wait_until(lambda: False, "the end of the standstill", within=3)
        server.signal(signal.SIGCONT)
        client.wait_until(lambda: client.pings, "a ping")
        reader.read_to(100)
        self.assert_chat_works(server, client, reader)
        self.assert_counts(server)

    def test_messages_sent_while_the_server_stood_still_are_not_a_flood(self):
        """The server reads them all at once, but they were sent one by one."""
        rate = 10
        server = self.start("--max-rate", str(rate))
        client = self.join(server)
        server.signal(signal.SIGSTOP)
        for _ in range(20):
            client.say("x")
            time.sleep(1.5 / rate)  # a pace, not a gate: below the limit
        server.signal(signal.SIGCONT)
        client.read_to(20)
        client.say(*["x"] * 100 * rate)
        self.assertEqual(client.take_close().code, 1008, "the allowance must be limited")
        self.assert_counts(server, message_rate=1)

    def test_a_client_that_sends_a_message_slowly_is_not_idle(self):
        """A client cannot answer a ping in the middle of a frame."""
        idle = 2
        server = self.start("--idle-timeout", f"{idle * 1000:.0f}ms")
        client = self.join(server)
        message = frame(TEXT, b'{"type":"say","text":"x","ref":"%s"}' % (b"r" * 1000))
        for at in range(0, len(message), 100):
            client.connection.send(message[at:at + 100])
            time.sleep(idle / 4)  # a pace, not a gate: 2.7 times the limit in total
        client.read_to(1)
        self.assert_counts(server)

    def test_a_slow_reader_is_not_idle_although_its_pongs_come_late(self):
        """The server's pings wait behind the unread messages, here for two seconds."""
        server = self.start("--idle-timeout", "2s", "--write-timeout", "10s")
        talker, reader = self.join(server), self.join(server, receive_buffer=4096)
        total = 75
        talker.say(*["x" * 4000] * total)
        talker.read_to(total)
        talker.connection.close()
        reader.at_most = 500
        while reader.newest != total:
            reader.receive_some(time.monotonic() + PATIENCE)
            time.sleep(0.005)  # a pace, not a gate
        self.assert_counts(server)


class Descriptors(ServerTest):
    def start_with(self, files, *flags):
        """Starts a server that may open that many files."""
        with unittest.mock.patch.object(chat_server, "die_with_parent", lambda: resource.setrlimit(
                resource.RLIMIT_NOFILE, (files, files))):
            return self.start(*flags)

    def test_at_the_limit_connected_clients_continue_and_new_ones_wait(self):
        server = self.start_with(116)  # 32 for clients
        here = [self.join(server) for _ in range(10)]
        crowd = [self.connect(server) for _ in range(60)]
        for connection in crowd:
            connection.send(upgrade_request())
        server.wait_for_log("accept paused")
        for _ in range(20):
            self.assert_chat_works(server, *here)
            self.assertEqual(ask(server, "/healthz").status, 200)
        visitors = [Connection(admin_port(server), timeout=PATIENCE) for _ in range(64)]
        visitors[-1].send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for answer in (visitors[-1].response(), (ask(server, "/healthz").status,)):
            self.assertEqual(answer[0], 200)
        self.assertFalse(visitors[1].has_hung_up(within=0))  # no request had to wait until another one timed out
        self.assertEqual(counts(server), {"descriptors": 1})
        # Each client that leaves lets the next one join, until all have joined once.
        for connection in crowd:
            client = ChatClient(connection)
            self.assertEqual(client.take_upgrade(within=PATIENCE), 101)
            self.assertEqual(client.take("welcome")["type"], "welcome")
            connection.close()
        self.assert_chat_works(server, *here, self.join(server))
        server.wait_for_log("accept resumed")
        # Logged once per pause, not at each of the ten attempts per second.
        paused = server.log().count("accept paused")
        self.assertLess(paused, 62)
        self.assertEqual(counts(server), {"descriptors": paused})

    def test_new_clients_wait_if_other_code_has_taken_the_last_descriptors(self):
        """A library could open files that the server does not count, so that accept() fails."""
        server = self.start()
        here = [self.join(server) for _ in range(2)]
        pid = server.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        taken = {int(number) for number in os.listdir(f"/proc/{pid}/fd")}
        next_one = min(set(range(len(taken) + 1)) - taken)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (next_one, before[1]))
        waits = ChatClient(self.connect(server))
        waits.connection.send(upgrade_request())
        server.wait_for_log("accept paused")
        self.assert_chat_works(server, *here)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        self.assertEqual(waits.take_upgrade(), 101)
        waits.take("welcome")
        self.assert_chat_works(server, *here, waits)
        self.assertEqual(counts(server), {"descriptors": 1})

    def test_the_soft_limit_is_raised_to_the_hard_one(self):
        server = self.start_with(300)
        limits = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
        self.assertEqual(limits, (300, 300))
        server.wait_for_log("few descriptors")
        with unittest.mock.patch.object(chat_server, "die_with_parent", lambda: resource.setrlimit(
                resource.RLIMIT_NOFILE, (50, 300))):
            server = self.start("--max-clients", "10")
        self.assertEqual(resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE), (300, 300))


if __name__ == "__main__":
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    run_tests()
