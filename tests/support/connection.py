"""A TCP connection to a server: sends bytes, receives bytes by a deadline, reads HTTP responses, and can end
the connection in several ways."""

import base64
import fcntl
import hashlib
import select
import socket
import struct
import sys
import termios
import time

KEY = base64.b64encode(b"sixteen bytes ok").decode()
ACCEPT = base64.b64encode(
    hashlib.sha1((KEY + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()


class Closed(Exception):
    """The connection has ended. `code` is the close frame's code, or None if there was no close frame."""

    def __init__(self, code, reason, how):
        super().__init__(f"closed with {code} ({reason!r}), then {how}")
        self.code, self.reason, self.how = code, reason, how


def upgrade_request(target="/", headers=(), host="127.0.0.1"):
    lines = [f"GET {target} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade",
             f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Connection:
    def __init__(self, port, *, timeout, receive_buffer=None, source=None):
        self.timeout = timeout
        self.socket = socket.socket()
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer is not None:  # set before connecting, because it limits the window
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            # Loopback's 64 KB segments would not fit, and each would wait for a timer.
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 500)
        if source is not None:  # an address of this machine
            self.socket.bind((source, 0))
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
        """Returns some bytes, or b"" at the end of the stream. Raises TimeoutError at the deadline."""
        poller = select.poll()  # select() cannot handle descriptors above 1023
        poller.register(self.socket, select.POLLIN)
        if not poller.poll(max(0, deadline - time.monotonic()) * 1000):
            raise TimeoutError("nothing came in time")
        return self.socket.recv(at_most)

    def response(self, within=None):
        """Returns an HTTP response: status, headers (names in lower case), and all bytes after the headers."""
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
        """True if the server ends the connection within that many seconds. Reads nothing."""
        poller = select.poll()
        poller.register(self.socket, select.POLLRDHUP)
        return bool(poller.poll(within * 1000))

    def wait_until_nothing_more_comes(self):
        """Waits, without reading, until the server cannot or will not send any more."""
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
        """Ends the connection with RST, as a crashed machine would."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        self.socket.close()
