"""A WebSocket client that can misbehave on request, and that accepts no mistake of the server.

It speaks RFC 6455 over a plain socket, so that a test controls every byte. It raises FramingError for
anything that a server must not send: reserved bits, masks, fragments, long control frames, lengths that
are not minimal, bad UTF-8, a frame after the close frame, a message out of sequence.
"""

import collections
import json
import os
import struct
import time

from connection import ACCEPT, Closed, upgrade_request

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA


class FramingError(AssertionError):
    """The server broke RFC 6455 or the chat protocol."""


def frame(opcode, payload=b"", *, final=True, reserved=0, masked=True, length=None):
    """Returns a client's frame as bytes; `length` replaces the payload's true size in the header."""
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


class ChatClient:
    """Sorts incoming events by type: take("ack") returns the next ack, even if other events came before it."""

    def __init__(self, connection):
        self.connection = connection
        self.answers_pings = True
        self.answers_close = True
        self.at_most = 65536        # bytes per read
        self.events = []            # all events, in order
        self.messages = []          # the messages among the events
        self.pongs = []             # payloads of the received pongs
        self.pings = 0              # number of pings from the server
        self.newest = None          # sequence number of the last message
        self.close_frame = None     # (code, reason), after a close frame
        self.closed = None          # a Closed, after the connection ended
        self._pending = collections.defaultdict(collections.deque)
        self._received = bytearray()

    # --- Sending ---

    def upgrade(self, target="/", headers=(), within=None):
        status = self.try_upgrade(target, headers, within)
        if status != 101:
            raise AssertionError(f"HTTP status {status} instead of an upgrade")

    def try_upgrade(self, target="/", headers=(), within=None):
        """Sends the handshake and returns the HTTP status."""
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
        """Sends each text as a message of its own, all in one send."""
        says = ({"type": "say", "text": text, **fields} for text in texts)
        self.connection.send(b"".join(frame(TEXT, json.dumps(say).encode()) for say in says))

    def ping(self, payload=b""):
        self.send_frame(PING, payload)

    # --- Receiving ---

    def take(self, kind, within=None):
        """Returns the next event of this type. Raises Closed at the end, TimeoutError if none comes."""
        self.wait_until(lambda: self._pending[kind], f"a {kind}", within)
        return self._pending[kind].popleft()

    def read_to(self, seq, within=None):
        """Reads up to the message with this number. Returns the message, or None if it was missed."""
        self.wait_until(lambda: (self.newest or 0) >= seq, f"message {seq}", within)
        return next((m for m in reversed(self.messages) if m["seq"] == seq), None)

    def wait_until(self, condition, what, within=None):
        deadline = time.monotonic() + (self.connection.timeout if within is None else within)
        while not condition():
            try:
                self.receive_some(deadline)
            except TimeoutError:
                tail = [str(event)[:200] for event in self.events[-3:]]
                raise TimeoutError(f"{what} did not come; the last events: {tail}") from None

    def take_close(self, within=None):
        """Reads to the end of the connection and returns how it ended, as a Closed."""
        try:
            self.wait_until(lambda: False, "the end", within)
        except Closed:
            return self.closed

    def receive_what_is_there(self):
        try:
            self.receive_some(deadline=0)
        except TimeoutError:
            pass

    def receive_some(self, deadline):
        """Reads once from the socket and handles the frames that are complete."""
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
                raise FramingError(f"the stream ended inside a frame: {bytes(self._received[:80])!r}")
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
            raise FramingError(f"a frame after the close frame: {opcode} {payload[:80]!r}")
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
                    pass  # the server need not wait for our close frame
        else:
            raise FramingError(f"opcode {opcode}")

    def _take_event(self, event):
        if not self.events and event["type"] != "welcome":
            raise FramingError(f"the first frame is not a welcome: {event}")
        if event["type"] == "gap" and self.newest is not None:
            self.newest += event["missed"]
        if event["type"] == "message":
            if self.newest is not None and event["seq"] != self.newest + 1:
                raise FramingError(f"message {event['seq']} comes after {self.newest}")
            self.newest = event["seq"]
            self.messages.append(event)
        self.events.append(event)
        self._pending[event["type"]].append(event)
