"""A WebSocket client that can misbehave at will, and that forgives the server nothing.

It speaks RFC 6455 over a plain socket, so that a test decides about every byte, and fails on
whatever a server must not send: reserved bits, masks, fragments, long control frames, lengths that
are not minimal, bad UTF-8, a frame behind the close frame, a message out of sequence.
"""

import base64
import collections
import fcntl
import hashlib
import json
import os
import select
import socket
import struct
import sys
import termios
import time

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
KEY = base64.b64encode(b"sixteen bytes ok").decode()
ACCEPT = base64.b64encode(
    hashlib.sha1((KEY + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()


class FramingError(AssertionError):
    """The server has broken RFC 6455, or the chat protocol."""


class Closed(Exception):
    """The connection is over; `code` is that of the close frame, None when there was none."""

    def __init__(self, code, reason, how):
        super().__init__(f"closed with {code} ({reason!r}), then {how}")
        self.code, self.reason, self.how = code, reason, how


def frame(opcode, payload=b"", *, final=True, reserved=0, masked=True, length=None):
    """A client's frame as bytes; `length` lies about the payload's size."""
    size = len(payload) if length is None else length
    head = bytes([final << 7 | reserved << 4 | opcode])
    flag = masked << 7
    if size < 126:
        head += bytes([flag | size])
    elif size < 1 << 16:
        head += struct.pack("!BH", flag | 126, size)
    else:
        head += struct.pack("!BQ", flag | 127, size)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    pattern = (mask * (len(payload) // 4 + 1))[:len(payload)]
    mixed = int.from_bytes(payload, "big") ^ int.from_bytes(pattern, "big")
    return head + mask + mixed.to_bytes(len(payload), "big")


def upgrade_request(target="/", headers=(), host="127.0.0.1"):
    lines = [f"GET {target} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade",
             f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Connection:
    """A TCP connection: bytes out, bytes in, by a deadline."""

    def __init__(self, port, *, timeout, receive_buffer=None):
        self.timeout = timeout
        self.socket = socket.socket()
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer is not None:  # before connecting: it limits the window
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            # Loopback's segments of 64 KB would not fit, and each would wait for a timer.
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 500)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect(("127.0.0.1", port))
        except OSError:
            self.close()
            raise

    def send(self, data):
        self.socket.settimeout(self.timeout)
        self.socket.sendall(data)

    def receive(self, deadline, at_most=65536):
        """Some bytes, b"" at the end of the stream; TimeoutError when the deadline passes."""
        readable, _, _ = select.select([self.socket], [], [], max(0, deadline - time.monotonic()))
        if not readable:
            raise TimeoutError("nothing came in time")
        return self.socket.recv(at_most)

    def response(self, within=None):
        """An HTTP answer: status, headers (names in lower case), body or what follows it."""
        deadline = time.monotonic() + (self.timeout if within is None else within)
        received = b""
        while b"\r\n\r\n" not in received:
            some = self.receive(deadline)
            if not some:
                raise Closed(None, "", f"end of stream after {received!r}")
            received += some
        head, _, rest = received.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        while len(rest) < int(headers.get("content-length", 0)):
            rest += self.receive(deadline)
        return int(status.split()[1]), headers, rest

    def has_hung_up(self, within):
        """Whether the server ends the connection within so many seconds; reads nothing."""
        poller = select.poll()
        poller.register(self.socket, select.POLLRDHUP)
        return bool(poller.poll(within * 1000))

    def wait_until_nothing_more_comes(self):
        """Reads nothing: until the server can't, or won't, send any more."""
        unread, settled = 0, False
        while not (settled and unread):
            before, unread = unread, self.count_unread()
            settled = before == unread
            select.select([], [], [], 0.3)

    def count_unread(self):
        count = bytearray(4)
        fcntl.ioctl(self.socket, termios.FIONREAD, count)
        return int.from_bytes(count, sys.byteorder)

    def reset(self):
        """Leaves as a crashed machine would."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        self.socket.close()


class ChatClient:
    """What arrives is sorted by type: take("ack") is the next ack, whatever else came before it."""

    def __init__(self, connection):
        self.connection = connection
        self.answers_pings = True
        self.answers_close = True
        self.at_most = 65536        # bytes read in one go
        self.events = []            # everything, in order
        self.messages = []          # the messages among them
        self.pongs = []             # their payloads
        self.pings = 0              # how many the server has sent
        self.newest = None          # sequence number of the last message
        self.close_frame = None     # (code, reason), once there was one
        self.closed = None          # a Closed, once it is over
        self._pending = collections.defaultdict(collections.deque)
        self._received = bytearray()

    # --- Out ---

    def upgrade(self, target="/", headers=(), within=None):
        status = self.try_upgrade(target, headers, within)
        if status != 101:
            raise AssertionError(f"no upgrade but HTTP status {status}")

    def try_upgrade(self, target="/", headers=(), within=None):
        """Asks to come in; the HTTP status."""
        self.connection.send(upgrade_request(target, headers))
        return self.take_upgrade(within)

    def take_upgrade(self, within=None):
        status, answer, rest = self.connection.response(within)
        if status == 101:
            if answer["sec-websocket-accept"] != ACCEPT:
                raise FramingError(f"wrong key in {answer}")
            self._received += rest
            self._take_frames()
        return status

    def send_frame(self, opcode, payload=b"", **options):
        self.connection.send(frame(opcode, payload, **options))

    def send_json(self, message):
        self.send_frame(TEXT, json.dumps(message).encode())

    def say(self, *texts, **fields):
        """Each text a message, all in one send."""
        says = ({"type": "say", "text": text, **fields} for text in texts)
        self.connection.send(b"".join(frame(TEXT, json.dumps(say).encode()) for say in says))

    def ping(self, payload=b""):
        self.send_frame(PING, payload)

    # --- In ---

    def take(self, kind, within=None):
        """The next event of this type; raises Closed at the end, TimeoutError when none comes."""
        self.wait_until(lambda: self._pending[kind], f"a {kind}", within)
        return self._pending[kind].popleft()

    def read_to(self, seq, within=None):
        """Reads up to the message with this number; returns it, unless it was missed."""
        self.wait_until(lambda: (self.newest or 0) >= seq, f"message {seq}", within)
        return next((m for m in reversed(self.messages) if m["seq"] == seq), None)

    def wait_until(self, condition, what, within=None):
        deadline = time.monotonic() + (self.connection.timeout if within is None else within)
        while not condition():
            try:
                self.receive_some(deadline)
            except TimeoutError:
                tail = [str(event)[:200] for event in self.events[-3:]]
                raise TimeoutError(f"{what} has not come; the last events: {tail}") from None

    def take_close(self, within=None):
        """Reads to the end of the connection; the Closed tells how it ended."""
        try:
            self.wait_until(lambda: False, "the end", within)
        except Closed:
            return self.closed

    def receive_some(self, deadline):
        """Reads once from the socket and takes the frames that are complete."""
        if self.closed:
            raise self.closed
        try:
            some = self.connection.receive(deadline, self.at_most)
            how = "end of stream"
        except ConnectionError:
            some = b""
            how = "reset"
        if not some:
            if how == "end of stream" and self._received:
                raise FramingError(f"the stream ends inside a frame: {bytes(self._received[:80])!r}")
            self.connection.close()
            self.closed = Closed(*(self.close_frame or (None, "")), how)
            raise self.closed
        self._received += some
        self._take_frames()

    def _take_frames(self):
        data, at = self._received, 0
        while len(data) - at >= 2:
            if data[at] & 0x70 or not data[at] & 0x80 or data[at + 1] & 0x80:
                raise FramingError(f"reserved bit, fragment or mask: {bytes(data[at:at + 80])!r}")
            opcode, size, start = data[at] & 0x0F, data[at + 1], at + 2
            if size > 125:
                width, least = (2, 126) if size == 126 else (8, 1 << 16)
                start += width
                if len(data) < start:
                    break
                size = int.from_bytes(data[start - width:start], "big")
                if size < least or opcode & 0x8:
                    raise FramingError(f"opcode {opcode} with {size} bytes in {width} of length")
            if len(data) < start + size:
                break
            payload, at = bytes(data[start:start + size]), start + size
            self._take_frame(opcode, payload)
        del data[:at]

    def _take_frame(self, opcode, payload):
        if self.close_frame:
            raise FramingError(f"a frame behind the close frame: {opcode} {payload[:80]!r}")
        if opcode == TEXT:
            self._take_event(json.loads(payload.decode("utf-8", errors="strict")))
        elif opcode == PING:
            self.pings += 1
            if self.answers_pings:
                self.send_frame(PONG, payload)
        elif opcode == PONG:
            self.pongs.append(payload)
        elif opcode == CLOSE:
            self.close_frame = (int.from_bytes(payload[:2], "big"), payload[2:].decode())
            if self.answers_close:
                try:
                    self.send_frame(CLOSE, payload[:2])
                except ConnectionError:
                    pass  # it did not wait for us, which is its right
        else:
            raise FramingError(f"opcode {opcode}")

    def _take_event(self, event):
        if not self.events and event["type"] != "welcome":
            raise FramingError(f"the first frame is no welcome: {event}")
        if event["type"] == "gap" and self.newest is not None:
            self.newest += event["missed"]
        if event["type"] == "message":
            if self.newest is not None and event["seq"] != self.newest + 1:
                raise FramingError(f"message {event['seq']} comes after {self.newest}")
            self.newest = event["seq"]
            self.messages.append(event)
        self.events.append(event)
        self._pending[event["type"]].append(event)
