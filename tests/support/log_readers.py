"""Readers of the server's stderr that read it slowly, late or never. Each has a `descriptor` to give to the
server, and buffers so small that a few lines fill them."""

import contextlib
import fcntl
import os
import pty
import select
import socket
import tempfile
import termios
import threading
import time

from chat_server import PATIENCE

CTRL_S, CTRL_Q = b"\x13", b"\x11"


class Reader:
    """A pair of connected descriptors: `descriptor` is for the server, and the test reads `ours`."""

    def __init__(self, ours, descriptor):
        self.ours, self.descriptor = ours, descriptor
        self.text = b""

    def given_away(self):
        """Closes our copy of `descriptor`, so that only the server has it."""
        if self.descriptor is not None:
            os.close(self.descriptor)
        self.descriptor = None

    def read_to(self, text):
        """Reads until this text has come. Returns everything read so far."""
        deadline = time.monotonic() + PATIENCE
        while text.encode() not in self.text:
            ready = select.select([self.ours], [], [], deadline - time.monotonic())[0]
            assert ready, f"no {text!r} in {self.text.decode(errors='replace')}"
            self.text += os.read(self.ours, 65536)
        return self.text.decode(errors="replace").replace("\r\n", "\n")

    def hang_up(self):
        if self.ours is not None:
            os.close(self.ours)
        self.ours = None

    def close(self):
        self.given_away()
        self.hang_up()


class Terminal(Reader):
    def __init__(self):
        super().__init__(*pty.openpty())

    def press(self, key):
        os.write(self.ours, key)

    def stop_background_writers(self):
        """Does what `stty tostop` does."""
        attributes = termios.tcgetattr(self.descriptor)
        attributes[3] |= termios.TOSTOP
        termios.tcsetattr(self.descriptor, termios.TCSANOW, attributes)


class SlowTerminal(Terminal):
    """A terminal that reads 4 KB/s, like a serial line."""

    def __init__(self):
        super().__init__()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.read_slowly)
        self.thread.start()

    def read_slowly(self):
        with contextlib.suppress(OSError):
            while not self.ended.wait(0.1):  # a pace, not a gate
                if select.select([self.ours], [], [], 0)[0]:
                    self.text += os.read(self.ours, 400)

    def close(self):
        self.ended.set()
        self.thread.join()
        super().close()


def stopped_terminal():
    """Returns a terminal that was stopped by Ctrl-S."""
    terminal = Terminal()
    terminal.press(CTRL_S)
    return terminal


def hung_up_terminal():
    terminal = Terminal()
    terminal.hang_up()
    return terminal


def pipe():
    ours, descriptor = os.pipe()
    fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, 4096)
    return Reader(ours, descriptor)


def fifo():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "log")
        os.mkfifo(path)
        ours = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        return Reader(ours, os.open(path, os.O_WRONLY))


def socket_pair():
    ours, descriptor = socket.socketpair()
    descriptor.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    return Reader(ours.detach(), descriptor.detach())


def full_disk():
    return Reader(None, os.open("/dev/full", os.O_WRONLY))


UNREAD = {"terminal": Terminal, "slow terminal": SlowTerminal, "stopped terminal": stopped_terminal,
          "hung-up terminal": hung_up_terminal, "pipe": pipe, "FIFO": fifo, "socket": socket_pair,
          "full disk": full_disk}
