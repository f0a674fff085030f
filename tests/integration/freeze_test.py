"""std::mutex held across a co_await: the first message is the last thing the server does."""

import signal
import time

from admin_client import unanswered_seconds
from chat_client import ChatClient
from chat_server import PATIENCE, ServerTest, run_tests

# What a living server answers in a millisecond has not come after this long.
SILENCE = 0.5


class Freeze(ServerTest):
    frozen_at_the_end = True

    def freeze(self, server, clients=2):
        """Says one message; returns everyone."""
        everyone = [self.join(server) for _ in range(clients)]
        everyone[-1].say("hello", ref="first")
        server.wait_for_log("loop is frozen")  # the watch thread lives
        return everyone

    def assert_silent(self, client):
        client.ping(b"anyone?")
        with self.assertRaises(TimeoutError):
            client.wait_until(lambda: client.pongs or client.events[-1]["type"] in ("ack", "message"),
                              "an answer", within=SILENCE)

    def test_the_first_message_freezes_it_with_one_client(self):
        """One client is enough: the fan-out asks for the lock that the ack's sender holds."""
        [alone] = self.freeze(self.start(), clients=1)
        self.assert_silent(alone)

    def test_the_first_message_freezes_it_with_two_clients(self):
        for client in self.freeze(self.start(), clients=2):
            self.assert_silent(client)

    def test_the_first_message_freezes_it_with_fifty_clients(self):
        """Nobody gets a message, the sender no ack, and nobody a pong."""
        everyone = self.freeze(self.start(), clients=50)
        for client in everyone:
            client.ping(b"anyone?")
        for client in everyone:
            with self.assertRaises(TimeoutError):
                client.wait_until(lambda: client.messages or client.pongs, "an answer", within=0.01)
        self.assert_silent(everyone[-1])

    def test_it_freezes_every_time(self):
        """The order of the tasks is no race: twenty servers, twenty freezes."""
        for _ in range(20):
            server = self.start("--on-stall", "exit", "--stall-after", "100ms")
            client = self.join(server)
            client.say("hello", ref="first")
            self.assertEqual(server.wait(), 3)
            client.take_close()
            self.assertEqual({event["type"] for event in client.events} - {"presence"}, {"welcome"})

    def test_a_newcomer_is_connected_by_the_kernel_but_never_greeted(self):
        """TCP accepts, so a health check of the port sees nothing; the handshake times out."""
        server = self.start()
        self.freeze(server)
        newcomer = ChatClient(self.connect(server))
        with self.assertRaises(TimeoutError):
            newcomer.upgrade(within=SILENCE)

    def test_ctrl_c_ends_a_frozen_server_within_a_second(self):
        """The watch thread takes the signal; the exit code tells that it was no clean end."""
        server = self.start()
        self.freeze(server)
        pressed = time.monotonic()
        server.signal(signal.SIGINT)
        self.assertEqual(server.wait(), 3)
        self.assertLess(time.monotonic() - pressed, 1.0)

    def test_a_second_signal_does_not_have_to_wait_for_patience(self):
        """A second Ctrl-C ends the server at once, frozen or not."""
        server = self.start("--stall-after", "100ms")
        self.freeze(server)
        server.signal(signal.SIGTERM)
        server.signal(signal.SIGINT)
        self.assertEqual(server.wait(0.5), 3)

    def freeze_unnoticed(self):
        """By a watch that is told to be patient; returns when the loop has owed an answer for long."""
        server = self.start("--stall-after", "1m")
        self.join(server).say("hello", ref="first")
        deadline = time.monotonic() + PATIENCE
        while unanswered_seconds(server) < 0.1:
            self.assertLess(time.monotonic(), deadline)
        return server

    def test_a_signal_does_not_wait_for_a_patient_watch(self):
        """The ledger proves the deadlock: five seconds would be too long, a minute is no option."""
        server = self.freeze_unnoticed()
        pressed = time.monotonic()
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 3)
        self.assertLess(time.monotonic() - pressed, 1.0)
        self.assertIn("asked to end signal=SIGTERM", server.log())

    def test_a_second_signal_tells_a_freeze_that_nobody_has_noticed(self):
        server = self.freeze_unnoticed()
        server.signal(signal.SIGTERM)
        server.signal(signal.SIGINT)
        self.assertEqual(server.wait(0.5), 3)

    def test_on_stall_exit_ends_it_by_itself(self):
        """So that whatever supervises it can start another one."""
        server = self.start("--on-stall", "exit", "--stall-after", "100ms")
        self.freeze(server)
        self.assertEqual(server.wait(), 3)


if __name__ == "__main__":
    run_tests()
