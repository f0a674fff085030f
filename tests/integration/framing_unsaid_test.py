"""Framing before the first message, so this test also works in the build that freezes: pongs, errors and presence
share sockets so small that sends stop inside a frame. Strict parsers must find each frame whole."""

import random
import socket

from chat_server import ServerTest, run_tests

SMALLEST = 1024  # the kernel raises this to its minimum: a window of a packet or two


class Framing(ServerTest):
    def test_pongs_and_errors_come_whole_and_in_order_while_others_join_and_leave(self):
        dice = random.Random(4)
        server = self.start()
        reader = self.join(server, receive_buffer=SMALLEST)
        total, ahead = 20_000, 2500  # ahead: more unread pongs than the kernel and the server's queue hold
        # A large send buffer holds the requests that the server does not read yet, so that send() does not block.
        reader.connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        for number in range(total):
            reader.ping(b"%d" % number)
            reader.send_json({"type": "nonsense", "padding": "x" * dice.randint(0, 200)})
            if number % 1000 == 0:
                self.join(server).connection.close()  # causes presence frames
            reader.at_most = dice.randint(1, 400)
            reader.wait_until(lambda: len(reader.pongs) >= number - ahead, "a pong")
        for _ in range(total):
            self.assertEqual(reader.take("error")["code"], "bad_type")
        reader.wait_until(lambda: len(reader.pongs) == total, "all pongs")
        self.assertEqual(reader.pongs, [b"%d" % number for number in range(total)])


if __name__ == "__main__":
    run_tests()
