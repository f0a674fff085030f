"""Hostile text from a server does not control the terminal, break a report or run on the page. Also: the
addresses of a host name, and a proxy that answers instead of the server."""

import base64
import contextlib
import hashlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading

from load_testing import CHAT_LOAD, Run, check, fake_server

PROGRAMS = sys.argv[2]
RUDE = b"\x1b]0;owned\x07"


def is_harmless(text):
    return all(c >= " " or c == "\n" for c in text) and "\x7f" not in text and "\x9b" not in text


@contextlib.contextmanager
def http_server(answer, family=socket.AF_INET, address="127.0.0.1"):
    """Answers each request with these bytes and yields the list of requests."""
    listener = socket.create_server((address, 0), family=family)
    requests = []

    def serve():
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                requests.append(client.recv(4096))
                client.sendall(answer)
                client.close()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1], requests
    finally:
        listener.close()


# ---- bytes
for fault, where in (("rude", "closed by the server (1008 \\x1b]0;owned\\x07<b>\\xff\\xfe)"),
                     ("rude-error", "refused by the server: \\x1b]0;owned\\x07<b>")):
    with fake_server(fault) as (port, _), tempfile.NamedTemporaryFile(suffix=".html") as page:
        run = Run(port, "--clients", "3", "--duration", "300ms", "--timeout", "500ms", "--html", page.name)
        html = page.read().decode()  # raises an exception if it is not UTF-8
    check(f"{fault}: the terminal output is escaped", where in run.out and is_harmless(run.out), run)
    check("  and so is the page", is_harmless(html) and "<b>" not in html and "\\x1b]0;owned" in html, html)
    check("  and the JSON report contains the whole text", "\x1b]0;owned\x07<b>" in json.dumps(run.report, ensure_ascii=False).replace("\\u001b", "\x1b").replace("\\u0007", "\x07"), run)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as report:
        json.dump(run.report, report)
        report.flush()
        compared = subprocess.run([CHAT_LOAD, "compare", report.name, report.name], capture_output=True, text=True)
    check("  and compare can read the report", compared.returncode == 0 and is_harmless(compared.stdout), compared)

with http_server(b"HTTP/1.1 503 " + RUDE + b"\xff\r\nContent-Length: 0\r\n\r\n") as (port, _):
    run = Run(port, "--clients", "1")
    check("an HTTP reason phrase is escaped", run.code == 1 and is_harmless(run.err), run)
for flags in (["--url", "ws://127.0.0.1:1/\x1b[2J"], ["--json", "/no/such/\x1b[2J"], ["--expect", "\x1b[2J"], ["compare", "/\x1b[2J", "x"]):
    done = subprocess.run([CHAT_LOAD, *flags], capture_output=True, text=True)
    check(f"an error about the command line is escaped: {flags[0]}", done.returncode in (1, 2) and done.stderr.count("\n") == 1 and is_harmless(done.stderr), done)
with tempfile.NamedTemporaryFile("w", suffix=".json") as report, tempfile.NamedTemporaryFile("r") as page:
    with fake_server("well") as (port, _):
        forged = Run(port, "--clients", "1", "--duration", "100ms").report
    forged["verdict"] = forged["server"]["mutex"] = '\x1b[2J"><script>'
    json.dump(forged, report)
    report.flush()
    compared = subprocess.run([CHAT_LOAD, "compare", report.name, report.name, "--html", page.name], capture_output=True, text=True)
    check("a forged report is escaped", is_harmless(compared.stdout) and "<script>" not in page.read(), compared)

# ---- addresses
with contextlib.suppress(OSError), http_server(b"", socket.AF_INET6, "::1") as (port, requests):
    Run(0, "--clients", "1", url=f"ws://[::1]:{port}/")
    check("an IPv6 address has brackets in Host", f"\r\nHost: [::1]:{port}\r\n".encode() in requests[0], requests)
with http_server(b"") as (port, requests):
    Run(port, "--clients", "1")
    check("an IPv4 address has no brackets in Host", f"\r\nHost: 127.0.0.1:{port}\r\n".encode() in requests[0], requests)
addresses = [entry[4][0] for entry in socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)]
with fake_server("well") as (port, _):
    run = Run(0, "--clients", "3", "--duration", "200ms", url=f"ws://localhost:{port}/")
    check(f"all addresses of a name are tried ({', '.join(addresses)})", run.code == 0, run)
with socket.socket() as unused:
    unused.bind(("127.0.0.1", 0))
    run = Run(0, "--clients", "3", url=f"ws://localhost:{unused.getsockname()[1]}/")
    check("  and if none accepts, the error lists them", run.code == 1 and all(a in run.err for a in addresses) and "tried" in run.err, run)


# ---- a proxy that answers new clients itself while the server behind it is frozen
def upgrade_for(request):
    key = next(line.split(b": ")[1] for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    return b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"


@contextlib.contextmanager
def proxy(target, clients, answer):
    """Forwards the first `clients` connections; answers each later request with `answer(request)`."""
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)

    def serve():
        kept = []
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                kept.append(client)
                if len(kept) > clients:
                    client.sendall(answer(client.recv(4096)))
                    continue
                server = socket.create_connection(("127.0.0.1", target))
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()


WELCOME = b'{"type":"welcome","id":1,"name":"x","seq":0,"mutex":"std","guard":"across_await"}'
for response, answer in (("503", lambda _: b"HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n"),
                         ("its own page", lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
                         ("a redirect", lambda _: b"HTTP/1.1 302 x\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"),
                         ("its own handshake", upgrade_for),
                         ("the welcome of another server", lambda r: upgrade_for(r) + b"\x81" + bytes([len(WELCOME)]) + WELCOME)):
    server = subprocess.Popen([os.path.join(PROGRAMS, "chat-server-std-across_await"), "--port", "0", "--no-admin"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        target = int(server.stdout.readline().split("chat=ws://127.0.0.1:")[1].split("/")[0])
        with proxy(target, 5, answer) as port:
            run = Run(port, "--clients", "5", "--timeout", "600ms")
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
    check(f"frozen behind a proxy that answers new clients with {response}", run.code == 3 and run.report["verdict"] == "frozen", run)
