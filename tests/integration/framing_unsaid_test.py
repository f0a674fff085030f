"""Before anybody has said a word, so in the build that freezes, too: pongs, errors and presence meet in
sockets so small that sends stop inside a frame, and strict parsers find each frame whole."""

import random
import socket

from chat_server import ServerTest, run_tests

SMALLEST = 1024  # the kernel makes of it what it can: a window of a packet or two


class Framing(ServerTest):
    def test_pongs_and_errors_come_whole_and_in_order_while_others_come_and_go(self):
        dice = random.Random(4)
        server = self.start()
        reader = self.join(server, receive_buffer=SMALLEST)
        total, ahead = 20_000, 2500  # of what it has taken: more than the kernel and the lane hold
        # What the server does not read meanwhile lies here, not in a send that waits.
        reader.connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        for number in range(total):
            reader.ping(b"%d" % number)
            reader.send_json({"type": "nonsense", "padding": "x" * dice.randint(0, 200)})
            if number % 1000 == 0:
                self.join(server).connection.close()  # presence tells
            reader.at_most = dice.randint(1, 400)
            reader.wait_until(lambda: len(reader.pongs) >= number - ahead, "a pong")
        for _ in range(total):
            self.assertEqual(reader.take("error")["code"], "bad_type")
        reader.wait_until(lambda: len(reader.pongs) == total, "all pongs")
        self.assertEqual(reader.pongs, [b"%d" % number for number in range(total)])


if __name__ == "__main__":
    run_tests()
