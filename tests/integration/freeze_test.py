"""std::mutex held across a co_await: the first message is the last thing the server does."""

import signal
import time

from admin_client import unanswered_seconds
from chat_client import ChatClient
from chat_server import PATIENCE, ServerTest, run_tests

# Seconds without an answer that prove the freeze. A healthy server answers within a millisecond.
SILENCE = 0.5


class Freeze(ServerTest):
    frozen_at_the_end = True

    def freeze(self, server, clients=2):
        """Freezes the server with one message. Returns all clients."""
        everyone = [self.join(server) for _ in range(clients)]
        everyone[-1].say("hello", ref="first")
        server.wait_for_log("loop is frozen")  # written by the watch thread, which still runs
        return everyone

    def assert_silent(self, client):
        client.ping(b"anyone?")
        with self.assertRaises(TimeoutError):
            client.wait_until(lambda: client.pongs or client.events[-1]["type"] in ("ack", "message"),
                              "an answer", within=SILENCE)

    def test_the_first_message_freezes_it_with_one_client(self):
        """One client is enough, because the fan-out wants the lock that the task sending the ack holds."""
        [alone] = self.freeze(self.start(), clients=1)
        self.assert_silent(alone)

    def test_the_first_message_freezes_it_with_two_clients(self):
        for client in self.freeze(self.start(), clients=2):
            self.assert_silent(client)

    def test_the_first_message_freezes_it_with_fifty_clients(self):
        """No client gets a message or a pong, and the sender gets no ack."""
        everyone = self.freeze(self.start(), clients=50)
        for client in everyone:
            client.ping(b"anyone?")
        for client in everyone:
            with self.assertRaises(TimeoutError):
                client.wait_until(lambda: client.messages or client.pongs, "an answer", within=0.01)
        self.assert_silent(everyone[-1])

    def test_it_freezes_every_time(self):
        """The order of the tasks is not a race: twenty servers freeze twenty times."""
        for _ in range(20):
            server = self.start("--on-stall", "exit", "--stall-after", "100ms")
            client = self.join(server)
            client.say("hello", ref="first")
            self.assertEqual(server.wait(), 3)
            client.take_close()
            self.assertEqual({event["type"] for event in client.events} - {"presence"}, {"welcome"})

    def test_the_kernel_accepts_a_new_connection_but_the_server_does_not_answer_it(self):
        """The port accepts TCP connections, so a simple health check notices nothing. The handshake times out."""
        server = self.start()
        self.freeze(server)
        newcomer = ChatClient(self.connect(server))
        with self.assertRaises(TimeoutError):
            newcomer.upgrade(within=SILENCE)

    def test_ctrl_c_ends_a_frozen_server_within_a_second(self):
        """The watch thread handles the signal. The exit code shows that the shutdown was not clean."""
        server = self.start()
        self.freeze(server)
        pressed = time.monotonic()
        server.signal(signal.SIGINT)
        self.assertEqual(server.wait(), 3)
        self.assertLess(time.monotonic() - pressed, 1.0)

    def test_a_second_signal_ends_a_frozen_server_at_once(self):
        """A user who presses Ctrl-C twice gets the prompt back at once, frozen or not."""
        server = self.start("--stall-after", "100ms")
        self.freeze(server)
        server.signal(signal.SIGTERM)
        server.signal(signal.SIGINT)
        self.assertEqual(server.wait(0.5), 3)

    def freeze_unnoticed(self):
        """Freezes a server whose --stall-after is a minute. Returns when the loop has not answered for 0.1 s."""
        server = self.start("--stall-after", "1m")
        self.join(server).say("hello", ref="first")
        deadline = time.monotonic() + PATIENCE
        while unanswered_seconds(server) < 0.1:
            self.assertLess(time.monotonic(), deadline)
        return server

    def test_a_signal_ends_a_frozen_server_before_stall_after_has_passed(self):
        """The lock ledger proves the deadlock, so the server waits neither five seconds nor the whole minute."""
        server = self.freeze_unnoticed()
        pressed = time.monotonic()
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 3)
        self.assertLess(time.monotonic() - pressed, 1.0)
        self.assertIn("asked to end signal=SIGTERM", server.log())

    def test_a_second_signal_exits_with_3_even_if_the_freeze_was_not_reported_yet(self):
        server = self.freeze_unnoticed()
        server.signal(signal.SIGTERM)
        server.signal(signal.SIGINT)
        self.assertEqual(server.wait(0.5), 3)

    def test_on_stall_exit_ends_a_frozen_server_without_a_signal(self):
        """A supervisor can then start another server."""
        server = self.start("--on-stall", "exit", "--stall-after", "100ms")
        self.freeze(server)
        self.assertEqual(server.wait(), 3)


if __name__ == "__main__":
    run_tests()
