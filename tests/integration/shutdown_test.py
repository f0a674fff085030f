"""SIGTERM, SIGINT and SIGHUP on a running server: no new client joins, every client gets the remaining messages and
a close frame, and the server ends within five seconds, whatever the clients do."""

import os
import signal
import threading
import time

from chat_client import ChatClient
from chat_server import PATIENCE, SHUTDOWN_LIMIT, ServerTest, run_tests
from connection import Closed, upgrade_request

AT_ONCE = 2.0  # seconds; much less than the limit of five


class Shutdown(ServerTest):
    def shut_down(self, server, within, number=signal.SIGTERM):
        """Sends the signal and checks that the server ends with 0 in time."""
        asked = time.monotonic()
        server.signal(number)
        self.assertEqual(server.wait(), 0, server.log())
        self.assertLess(time.monotonic() - asked, within)

    def test_every_client_is_closed_with_1001(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            server = self.start()
            everyone = [self.join(server) for _ in range(20)]
            server.signal(number)
            for client in everyone:
                closed = client.take_close()
                self.assertEqual((closed.code, closed.how), (1001, "end of stream"))
            self.assertEqual(server.wait(AT_ONCE), 0)

    def test_acknowledged_messages_are_delivered_to_every_client_that_reads(self):
        """Ten clients talk as fast as they can when the signal comes."""
        server = self.start("--history", "100000")
        everyone = [self.join(server) for _ in range(10)]

        def talk(client):
            try:
                while True:
                    client.say(*(str(n) for n in range(20)))
                    acks = [client.take("ack")["seq"] for _ in range(20)]
                    client.read_to(acks[-1])
            except (Closed, ConnectionError):
                client.take_close()

        talkers = [threading.Thread(target=talk, args=[client]) for client in everyone]
        for talker in talkers:
            talker.start()
        listener = self.join(server)
        listener.read_to(1000)
        asked = time.monotonic()
        server.signal(signal.SIGTERM)
        self.assertEqual(listener.take_close().code, 1001)
        for talker in talkers:
            talker.join(PATIENCE)
            self.assertFalse(talker.is_alive())
        self.assertEqual(server.wait(), 0)
        self.assertLess(time.monotonic() - asked, SHUTDOWN_LIMIT)
        acknowledged = max(event["seq"] for client in everyone for event in client.events
                           if event["type"] == "ack")
        for client in (listener, *everyone):
            self.assertEqual(client.closed.code, 1001)
            self.assertGreaterEqual(client.newest, acknowledged)

    def test_no_new_client_can_join(self):
        server = self.start()
        stays = self.join(server)
        stays.answers_close = False
        server.signal(signal.SIGTERM)
        stays.wait_until(lambda: stays.close_frame, "a close frame")
        with self.assertRaises(ConnectionRefusedError):
            self.connect(server)
        stays.connection.close()
        self.assertEqual(server.wait(AT_ONCE), 0)

    def test_clients_that_join_at_that_moment_do_not_delay_it(self):
        """Some clients are in the handshake, some are between the handshake and the welcome."""
        for _ in range(10):
            server = self.start()
            crowd = [self.connect(server) for _ in range(50)]
            for connection in crowd:
                connection.send(upgrade_request())
            server.signal(signal.SIGTERM)
            for connection in crowd:
                self.read_to_the_end(connection)
            self.assertEqual(server.wait(AT_ONCE), 0)

    def read_to_the_end(self, connection):
        client = ChatClient(connection)
        try:
            if client.take_upgrade() == 101:
                self.assertEqual(client.take_close(AT_ONCE).code, 1001)
        except (ConnectionError, Closed):
            pass  # connected too late to be answered
        connection.close()

    def test_a_client_that_does_not_read_is_cut_off(self):
        server = self.start("--history", "100000")
        talker, sleeper = self.join(server), self.join(server, receive_buffer=4096)
        for _ in range(50):
            talker.say(*["x" * 4000] * 5)
        sleeper.connection.wait_until_nothing_more_comes()
        self.shut_down(server, within=SHUTDOWN_LIMIT + 1)
        self.assertTrue(sleeper.connection.has_hung_up(within=0))

    def test_a_client_that_does_not_read_does_not_keep_acknowledged_messages_from_the_others(self):
        """This holds even in the build async-across_await, where that client's deliver is suspended with the lock
        held."""
        server = self.start("--history", "100000")
        sleeper = self.join(server, receive_buffer=4096)
        talker, listener = self.join(server), self.join(server)
        talker.say(*["x" * 4000] * 100)
        sleeper.connection.wait_until_nothing_more_comes()
        server.signal(signal.SIGTERM)
        for client in (talker, listener):
            closed = client.take_close()
            self.assertEqual((closed.code, closed.how), (1001, "end of stream"))
        acknowledged = max(event["seq"] for event in talker.events if event["type"] == "ack")
        for client in (talker, listener):
            self.assertGreaterEqual(client.newest, acknowledged)
        self.assertEqual(server.wait(SHUTDOWN_LIMIT + 1), 0)

    def test_a_client_that_does_not_answer_the_close_frame_is_cut_off(self):
        server = self.start()
        mute = self.join(server)
        mute.answers_close = False
        self.shut_down(server, within=SHUTDOWN_LIMIT + 1)

    def test_the_server_does_not_wait_for_unfinished_handshakes(self):
        server = self.start()
        silent, *trickling = (self.connect(server) for _ in range(5))
        self.join(server).connection.close()  # accepted after the others, so they have been accepted

        def trickle(connection):
            try:
                for byte in upgrade_request(headers=["X: " + "x" * 8000]):
                    connection.send(bytes([byte]))
            except ConnectionError:
                pass

        tricklers = [threading.Thread(target=trickle, args=[one]) for one in trickling]
        for one in tricklers:
            one.start()
        self.shut_down(server, within=AT_ONCE)
        for one in tricklers:
            one.join(PATIENCE)
        self.assertEqual(silent.receive(time.monotonic() + PATIENCE), b"")

    def test_a_second_signal_ends_the_server_at_once(self):
        server = self.start()
        mute = self.join(server)
        mute.answers_close = False
        server.signal(signal.SIGINT)
        mute.wait_until(lambda: mute.close_frame, "a close frame")
        self.assertTrue(server.is_running())
        self.shut_down(server, within=AT_ONCE, number=signal.SIGINT)

    def test_a_second_sighup_does_not_shorten_the_shutdown(self):
        """When a terminal closes, the kernel and the shell may each send a SIGHUP."""
        server = self.start()
        slow = self.join(server)
        slow.answers_close = False
        server.signal(signal.SIGHUP)
        slow.wait_until(lambda: slow.close_frame, "a close frame")
        server.signal(signal.SIGHUP)
        server.wait_for_log("SIGHUP again")
        self.assertTrue(server.is_running())
        slow.connection.close()
        self.assertEqual(server.wait(AT_ONCE), 0)

    def test_sighup_is_ignored_under_nohup(self):
        server = self.start(under=["nohup"])
        client = self.join(server)
        server.signal(signal.SIGHUP)
        self.assert_chat_works(server, client)
        server.signal(signal.SIGTERM)
        self.assertEqual(client.take_close().code, 1001)
        self.assertEqual(server.wait(AT_ONCE), 0)
        self.assertNotIn("SIGHUP", server.log())

    def test_a_log_without_a_reader_does_not_end_the_server(self):
        """In `chat-server 2>&1 | head` the reader of the log ends before the server."""
        unread, stderr = os.pipe()
        server = self.start(stderr=stderr)
        os.close(stderr)
        os.close(unread)
        client = self.join(server)  # makes the server log a line
        self.assert_chat_works(server, client)
        server.signal(signal.SIGTERM)
        self.assertEqual(client.take_close().code, 1001)
        self.assertEqual(server.wait(AT_ONCE), 0)

    def test_an_empty_server_ends_at_once(self):
        self.shut_down(self.start(), within=AT_ONCE)


if __name__ == "__main__":
    run_tests()
