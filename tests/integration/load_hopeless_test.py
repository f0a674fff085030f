"""Without a usable chat server, chat-load prints one line, exits with 1, and never hangs."""

import contextlib
import os
import signal
import socket
import tempfile
import threading

from load_testing import Run, check, fake_server

UPGRADE = (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")


@contextlib.contextmanager
def tcp_server(answer):
    """Accepts every connection, sends these bytes (None: closes the connection), then stays silent."""
    listener = socket.create_server(("127.0.0.1", 0))
    kept = []

    def accept():
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                kept.append(client)
                if answer is None:
                    client.close()
                elif answer:
                    client.recv(4096)
                    client.sendall(answer)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()


def gives_up(claim, port, says):
    run = Run(port, "--clients", "200", "--connect-timeout", "1s", "--timeout", "1s", within=20)
    check(claim, run.code == 1 and says in run.err, run)
    check("  in one line, within 5 s", run.err.count("\n") == 1 and not run.out and run.seconds < 5, run)


with socket.socket() as unused:
    unused.bind(("127.0.0.1", 0))
    gives_up("nothing is listening: the error names the command that starts a server", unused.getsockname()[1], "chat-server --port")
with tcp_server(b"") as port:
    gives_up("a server that never responds", port, "no answer within 1.0 s")
with tcp_server(None) as port:
    gives_up("a server that closes the connection", port, "no WebSocket connection")
with tcp_server(b"\x00\xff" * 5000) as port:
    gives_up("a server that responds with garbage", port, "no WebSocket connection")
with tcp_server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi") as port:
    gives_up("a server that supports only HTTP", port, "HTTP 200")
with tcp_server(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000) as port:
    gives_up("a server whose header never ends", port, "no WebSocket connection")
with tcp_server(b"HTTP/1.1 101 Switching") as port:
    gives_up("a server that stops in the middle of its response", port, "no answer within 1.0 s")
with tcp_server(UPGRADE) as port:
    gives_up("a server that never sends a welcome", port, "no welcome message")
with tcp_server(UPGRADE + b"\x9f\xff" * 5000) as port:
    gives_up("a server that sends invalid frames", port, "not a WebSocket frame")
with tcp_server(UPGRADE + b"\x81\x7f" + b"\x7f" * 8) as port:
    gives_up("a server that announces an endless frame", port, "too big")
with fake_server("well") as (port, pid):
    os.kill(pid, signal.SIGSTOP)
    gives_up("a server stopped with SIGSTOP", port, "frozen or stopped")

nowhere = Run(0, url="ws://no.such.host.invalid:80/")
check("a host that does not exist", nowhere.code == 1 and "no.such.host.invalid" in nowhere.err, nowhere)
unwritable = Run(1, "--html", "/no/such/folder/x.html")
check("a report that cannot be written prevents the run", unwritable.code == 1 and "/no/such" in unwritable.err, unwritable)
with tempfile.NamedTemporaryFile("w+") as earlier, socket.socket() as unused:
    earlier.write("the last good report")
    earlier.flush()
    unused.bind(("127.0.0.1", 0))
    failed = Run(unused.getsockname()[1], "--html", earlier.name)
    earlier.seek(0)
    check("a failed run leaves an earlier report unchanged", failed.code == 1 and
          earlier.read() == "the last good report", failed)
