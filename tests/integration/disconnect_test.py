"""Clients that leave at any point, with or without a close frame: the server survives, frees all resources, and
the other clients lose nothing."""

import json
import os
import random
import socket
import time

from chat_client import CLOSE, PING, TEXT, frame
from chat_server import PATIENCE, ServerTest, run_tests
from connection import upgrade_request

SAY = frame(TEXT, json.dumps({"type": "say", "text": "hello", "ref": 1}).encode())


def reset(connection):
    connection.reset()


def close(connection):
    connection.close()


def half_close(connection):
    """Closes the sending side, but reads until the server ends the connection."""
    connection.socket.shutdown(socket.SHUT_WR)
    deadline = time.monotonic() + PATIENCE
    try:
        while connection.receive(deadline):
            pass
    except ConnectionError:
        pass
    connection.close()


class Disconnect(ServerTest):
    def setUp(self):
        self.server = self.start("--history", "1000")
        self.witness = self.join(self.server)
        self.assert_chat_works(self.server, self.witness)
        self.descriptors = self.count_descriptors()

    def count_descriptors(self):
        return len(os.listdir(f"/proc/{self.server.process.pid}/fd"))

    def assert_unharmed(self):
        """Checks that the witness missed nothing (its parser checks that) and that all other connections are closed."""
        self.assert_chat_works(self.server, self.witness)
        deadline = time.monotonic() + PATIENCE
        while self.count_descriptors() > self.descriptors:
            self.assertLess(time.monotonic(), deadline, "connections are still open")
            time.sleep(0.01)

    def test_a_half_closed_client_still_gets_its_acks(self):
        for _ in range(20):
            client = self.join(self.server)
            client.connection.send(SAY * 3)
            client.connection.socket.shutdown(socket.SHUT_WR)
            client.take_close()
            self.assertEqual(sum(event["type"] == "ack" for event in client.events), 3)
        self.assert_unharmed()

    def test_at_any_byte_of_the_handshake(self):
        request = upgrade_request("/?name=nobody")
        for leave in (reset, close, half_close):
            for size in range(0, len(request) + 1, 9):
                connection = self.connect(self.server)
                connection.send(request[:size])
                leave(connection)
        self.assert_unharmed()

    def test_between_handshake_and_welcome(self):
        for leave in (reset, close, half_close) * 20:
            connection = self.connect(self.server)
            connection.send(upgrade_request())
            leave(connection)
        self.assert_unharmed()

    def test_at_any_byte_of_a_message(self):
        """Includes the whole message. A message is delivered either completely or not at all."""
        for leave in (reset, close, half_close):
            for size in range(0, len(SAY) + 1, 3):
                connection = self.join(self.server).connection
                connection.send(SAY[:size])
                leave(connection)
        self.assert_unharmed()
        self.assertEqual({m["text"] for m in self.witness.messages}, {"hello", "still there?"})

    def test_after_sending_many_messages_and_before_any_ack(self):
        for leave in (reset, close, half_close) * 10:
            connection = self.join(self.server).connection
            connection.send(SAY * 100)
            leave(connection)
            # The witness must keep reading, otherwise it starves the others in the build that holds the lock.
            self.assert_chat_works(self.server, self.witness)
        self.assert_unharmed()

    def test_messages_sent_before_a_half_close_are_delivered(self):
        """There is no close frame, but all messages arrived before the end of the stream."""
        before = self.witness.newest
        connection = self.join(self.server).connection
        connection.send(SAY * 100)
        half_close(connection)
        self.witness.read_to(before + 100)
        self.assert_unharmed()

    def test_in_the_middle_of_the_closing_handshake(self):
        for leave in (reset, close):
            for last_bytes in (frame(CLOSE, b"\x03\xe8"), frame(CLOSE), b"\x88",
                               frame(TEXT, b"x" * 20_000), frame(TEXT, b"\xff")):
                for _ in range(5):
                    connection = self.join(self.server).connection
                    connection.send(last_bytes)
                    leave(connection)
        self.assert_unharmed()

    def test_with_a_broken_frame_as_the_answer_to_a_close_frame(self):
        """The server closes the client, which does not answer with a close frame. It must still make room."""
        server = self.start("--max-rate", "10", "--max-clients", "1")
        for broken in (frame(TEXT, b"{}", reserved=4), frame(3), frame(TEXT, b"\xff"), frame(PING, b"x"),
                       frame(TEXT, b"x" * 20_000), frame(CLOSE, b"\x03"), b"\x88"):
            rude = self.join_when_there_is_room(server)
            rude.answers_close = False
            rude.connection.send(SAY * 11)
            rude.wait_until(lambda: rude.close_frame, "a close frame")
            self.assertEqual(rude.close_frame[0], 1008)
            rude.connection.send(broken)
            rude.connection.close()

    def test_with_a_broken_frame_while_the_close_frame_waits_for_a_full_socket(self):
        """Without care, Beast's close operation and read operation would wait for each other forever."""
        server = self.start("--max-rate", "10", "--max-clients", "1")
        for broken in (frame(TEXT, b"{}", reserved=4), frame(TEXT, b"\xff"), frame(CLOSE)):
            rude = self.join_when_there_is_room(server, receive_buffer=2048)
            rude.answers_close = False
            rude.connection.send(frame(PING, b"x" * 100) * 4000)
            rude.connection.send(SAY * 11 + broken)
            try:
                rude.take_close()
            except ConnectionError:
                pass
            rude.connection.close()
        self.join_when_there_is_room(server)

    def test_while_the_server_writes_to_the_client(self):
        """The client's socket is full, a frame is partly written, and pongs and replies wait behind that frame."""
        for leave in (reset, close) * 3:
            leaver = self.join(self.server, receive_buffer=4096)
            for _ in range(10):
                leaver.connection.send(frame(TEXT, b"[]") * 200 + frame(PING, b"x" * 100) * 20)
            leave(leaver.connection)
        self.assert_unharmed()

    def test_in_a_crowd_that_joins_and_leaves_while_another_client_chats(self):
        dice = random.Random(7)
        script = SAY * 3 + frame(PING, b"x") + SAY + frame(CLOSE, b"\x03\xe8")
        request = upgrade_request()
        crowd = []
        for turn in range(600):
            connection = self.connect(self.server)
            if dice.random() < 0.3:
                connection.send(request[:dice.randrange(len(request))])
            else:
                connection.send(request)
                connection.response()
                connection.send(script[:dice.randrange(len(script))])
            crowd.append(connection)
            if len(crowd) > 20:
                dice.choice((reset, close))(crowd.pop(dice.randrange(len(crowd))))
            if turn % 20 == 0:
                self.assert_chat_works(self.server, self.witness)
        for connection in crowd:
            reset(connection)
        self.assert_unharmed()


if __name__ == "__main__":
    run_tests()
