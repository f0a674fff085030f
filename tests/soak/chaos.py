"""Hundreds of misbehaving clients at once. Each misbehaves in one way, and when one ends another takes its
place. Runs as a process of its own: `chaos.py PORT CLIENTS SECONDS SEED`."""

import os
import pathlib
import random
import selectors
import socket
import struct
import sys
import time

from chat_client import BINARY, CLOSE, PING, PONG, TEXT, frame
from connection import upgrade_request

JOINS_PER_SECOND = 100
REQUEST = upgrade_request("/?name=chaos")


def say(size):
    return frame(TEXT, b'{"type":"say","text":"%s"}' % (b"c" * size))


# Made once, because masking them in Python takes longer than the server needs to read them.
CHAT = say(20)
FLOOD = say(2000) * 20
PINGS = frame(PING, b"p" * 100) * 200
NONSENSE = frame(TEXT, b"[]") * 200
WRONG = [frame(BINARY, b"\0"), frame(TEXT, b"\xff"), frame(TEXT, b"x" * 20_000), frame(3, b""),
         frame(TEXT, b"x", masked=False), frame(CLOSE, b"\3"), frame(PING, b"", final=False),
         frame(TEXT, b"\xe6", final=False) + frame(0, b""), frame(TEXT, b"", length=1 << 62)]
CLOSE_FRAME = frame(CLOSE, struct.pack("!H", 1000))


class Client:
    """One misbehaving client. `step` runs five times a second until the client's lifetime ends, then `leave`
    runs once."""

    reads = True
    receive_buffer = None
    lifetime = (1, 15)

    def __init__(self, port, dice):
        self.dice = dice
        self.ends_at = time.monotonic() + dice.uniform(*self.lifetime)
        self.socket = socket.socket()
        if self.receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        self.socket.connect(("127.0.0.1", port))  # on loopback this succeeds or fails at once
        self.socket.setblocking(False)
        self.start()

    def start(self):
        self.send(REQUEST)

    def step(self):
        pass

    def leave(self):
        self.send(CLOSE_FRAME)

    def send(self, data):
        """Sends what the socket accepts. The rest of a frame is dropped, which is one more kind of misbehaviour."""
        try:
            self.socket.send(data)
        except BlockingIOError:
            pass

    def read(self):
        return bool(self.socket.recv(65536))

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Talker(Client):
    """Chats and leaves."""

    def step(self):
        if self.dice.random() < 0.03:
            self.send(CHAT)


class Staller(Client):
    """Does not read."""

    reads = False
    receive_buffer = 2048
    lifetime = (5, 15)

    def step(self):
        if self.dice.random() < 0.1:
            self.send(frame(PONG, b""))  # so that the server does not close it as idle


class Flooder(Client):
    """Floods the server with messages."""

    lifetime = (2, 6)

    def step(self):
        if self.dice.random() < 0.05:
            self.send(FLOOD)


class Pinger(Client):
    """Sends pings and bad requests, and does not read."""

    reads = False
    receive_buffer = 2048
    lifetime = (3, 8)

    def step(self):
        self.send(self.dice.choice((PINGS, NONSENSE)))


class Breaker(Client):
    """Breaks the protocol."""

    lifetime = (0.2, 3)

    def leave(self):
        self.send(self.dice.choice(WRONG))


class Garbage(Client):
    """Sends garbage."""

    lifetime = (0.2, 3)

    def start(self):
        self.send(self.dice.choice((REQUEST, b"", b"GET / HTTP/1.1\r\n", b"\x16\x03\x01")))

    def leave(self):
        self.send(os.urandom(self.dice.randrange(1, 5000)))


class Resetter(Client):
    """Chats, then resets the connection."""

    lifetime = (0, 5)

    def step(self):
        if self.dice.random() < 0.02:
            self.send(CHAT * 2)

    def leave(self):
        self.reset()
        return False


class Halting(Client):
    """Sends half a handshake."""

    lifetime = (1, 4)

    def start(self):
        self.send(REQUEST[:self.dice.randrange(len(REQUEST))])


class HalfClosed(Client):
    """Closes only its sending side."""

    lifetime = (0, 5)

    def leave(self):
        self.socket.shutdown(socket.SHUT_WR)


WEIGHTS = {Talker: 12, Staller: 3, Flooder: 1, Pinger: 2, Breaker: 3, Garbage: 3, Resetter: 4, Halting: 2,
           HalfClosed: 3}
TIME_TO_GO = 4.0  # seconds that a client waits, after leave(), for the server to hang up


class Crowd:
    def __init__(self, port, size, seed):
        self.port, self.size, self.dice = port, size, random.Random(seed)
        self.selector = selectors.DefaultSelector()
        self.clients = {}  # maps each client to the time when it is cut off; 0 until leave()
        self.lives = 0
        self.refused = 0

    def run(self, seconds):
        start = time.monotonic()
        next_join, next_steps = start, start
        while (now := time.monotonic()) < start + seconds:
            if now >= next_join and len(self.clients) < self.size:
                next_join = max(next_join, now - 0.1) + 1 / JOINS_PER_SECOND
                self.add()
            if now >= next_steps:
                next_steps = now + 0.2
                self.step_all(now)
            for key, _ in self.selector.select(0.005):
                self.handle(key.data, key.data.read)
        for client in list(self.clients):
            client.reset()
            self.remove(client)

    def add(self):
        kind = self.dice.choices(list(WEIGHTS), WEIGHTS.values())[0]
        try:
            client = kind(self.port, self.dice)
        except OSError:
            self.refused += 1
            return
        self.lives += 1
        self.clients[client] = 0
        if client.reads:
            self.selector.register(client.socket, selectors.EVENT_READ, client)

    def step_all(self, now):
        for client, cut_at in list(self.clients.items()):
            if cut_at == 0 and now < client.ends_at:
                self.handle(client, client.step)
            elif cut_at == 0:
                self.clients[client] = now + TIME_TO_GO
                self.handle(client, client.leave)
            elif now > cut_at:
                self.remove(client)

    def handle(self, client, action):
        """Runs the action, and removes the client if its connection has ended."""
        if client not in self.clients:
            return
        try:
            over = action() is False
        except BlockingIOError:
            over = False
        except OSError:
            over = True
        if over:
            self.remove(client)

    def remove(self, client):
        del self.clients[client]
        if client.reads:
            self.selector.unregister(client.socket)
        client.socket.close()


def main():
    port, size, seconds, seed = map(int, sys.argv[1:])
    crowd = Crowd(port, size, seed)
    crowd.run(seconds)
    print(crowd.lives, crowd.refused)


if __name__ == "__main__":
    main()
