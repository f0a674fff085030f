"""Runs chat-load against our servers that do not freeze, a bare epoll server and npm ws. Each round measures
all servers one after another, so that other work on the machine affects them equally. Prints Markdown tables;
a ratio is the median over the rounds of a server's value divided by bare epoll's in the same round."""

import argparse
import contextlib
import json
import os
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SERVER_CPU, CLIENT_CPU = "0", "1"

# Each point's name, and the flags for chat-load.
CLOSED = {
    "10 clients, 1 sender": "--clients 10 --senders 1",
    "100 clients, 10 senders": "--clients 100 --senders 10",
    "1000 clients, 1 sender": "--clients 1000 --senders 1",
    "1000 clients, 10 senders": "--clients 1000 --senders 10",
    "100 clients, 10 senders, window 16": "--clients 100 --senders 10 --window 16",
}
OPEN = "--clients 1000 --senders 10 --rate 100"  # 100,000 deliveries per second
MANY, MANY_PER_SECOND = 10_000, 1000
OWED_MB = 87
SLOW = "--clients 10 --senders 1 --rate 5000 --message-bytes 4000"
SLOW_SECONDS = OWED_MB * 1e6 / 4100 / 5000


def can_overwrite(stream):
    """True if the stream is a terminal that can overwrite a line, and plain text was not requested."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb" and not os.environ.get("NO_COLOR")


def progress(text):
    print(f"\r\x1b[K{text}" if can_overwrite(sys.stderr) else text, end="" if can_overwrite(sys.stderr) else "\n",
          file=sys.stderr, flush=True)


class Server:
    """A running server on its own CPU."""

    def __init__(self, command):
        self.process = subprocess.Popen(["taskset", "-c", SERVER_CPU, *command], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        ready = self.process.stdout.readline()
        if not ready.startswith("ready "):
            raise SystemExit(f"{command[0]} did not start: {ready}")
        self.url = dict(field.split("=", 1) for field in ready.split()[1:])["chat"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(8)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_kb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def kernel_counts(path, kind):
    """Returns Linux's counters for all sockets of this machine."""
    with open(path, encoding="ascii") as file:
        names, values = (line.split() for line in file if line.startswith(kind))
    return {name: int(value) for name, value in zip(names[1:], values[1:])}


def data_segments_sent():
    return kernel_counts("/proc/net/netstat", "TcpExt:")["TCPOrigDataSent"]


def tcp_payload_received():
    """Returns the bytes of TCP payload received. Linux's counter includes the headers, so they are subtracted."""
    headers = 52  # IPv4, TCP and the TCP timestamps
    segments = kernel_counts("/proc/net/snmp", "Tcp:")["InSegs"]
    return kernel_counts("/proc/net/netstat", "IpExt:")["InOctets"] - headers * segments


def load(chat_load, server, flags, while_running=lambda: None):
    """Runs chat-load once, on the other CPU. Returns its report, with the server's CPU time and TCP segments
    per delivery."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "report.json")
        cpu_before, segments_before = server.cpu_seconds(), data_segments_sent()
        process = subprocess.Popen(["taskset", "-c", CLIENT_CPU, chat_load, "--url", server.url, "--quiet",
                                    "--json", path, "--connect-timeout", "20s", *flags.split()],
                                   stderr=subprocess.PIPE, text=True)
        while process.poll() is None:
            while_running()
            time.sleep(0.02)
        errors = process.stderr.read()
        process.stderr.close()
        if process.returncode not in (0, 5, 6):  # 5: messages lost, 6: starved; the tables show both
            raise SystemExit(f"chat-load {flags} ended with exit code {process.returncode}: {errors}")
        with open(path, encoding="utf-8") as file:
            report = json.load(file)
        delivered = max(report["delivered"], 1)
        report["cpu_us"] = (server.cpu_seconds() - cpu_before) * 1e6 / delivered
        # Subtract the client's own segments: without --window, one per message.
        report["segments"] = (data_segments_sent() - segments_before - report["sent"]) / delivered
        return report


def measure(names, commands, rounds, title, one_run):
    """Returns `runs`, where runs[name] lists the results of one_run(server), one per round."""
    runs = {name: [] for name in names}
    for number in range(rounds):
        for name in names:
            progress(f"{title}: round {number + 1} of {rounds}, {name}")
            with Server(commands[name]) as server:
                runs[name].append(one_run(server))
    progress("")
    return runs


def median(runs, key):
    return statistics.median(run[key] for run in runs)


def ratio(runs, base, key):
    return statistics.median(one[key] / other[key] for one, other in zip(runs, base))


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(flush=True)


def flaws(run):
    return run["lost"] + run["duplicated"] + run["reordered"]


def closed_loop(o, points):
    head = ["deliveries per second"]
    cells, cpu, gathered = ({name: [] for name in o.names} for _ in range(3))
    for point in points:
        flags = f"{CLOSED[point]} --duration {o.seconds}s --warmup 300ms"
        runs = measure(o.names, o.commands, o.rounds, point, lambda s, f=flags: load(o.chat_load, s, f))
        head.append(point)
        for name in o.names:
            share = ratio(runs[name], runs["raw epoll"], "deliveries_per_s")
            text = f"{share:.2f}"
            if name == "raw epoll":
                text += f" ({median(runs[name], 'deliveries_per_s'):,.0f})"
            lost = sum(map(flaws, runs[name]))
            cells[name].append(text + (f" ({lost} lost)" if lost else ""))
            cpu[name].append(f"{median(runs[name], 'cpu_us'):.2f}")
            gathered[name].append("" if "--window" in flags else f"{1 / median(runs[name], 'segments'):.0f}")
    table(head, [[name, *cells[name]] for name in o.names])
    table(["server's CPU, µs per delivery", *head[1:]], [[name, *cpu[name]] for name in o.names])
    table(["messages per send, about", *head[1:]], [[name, *gathered[name]] for name in o.names])


class Pair:
    """A server and its load, both stopped with SIGSTOP except during their turns."""

    def __init__(self, o, name, flags):
        self.server = Server(o.commands[name])
        self.load = subprocess.Popen(["taskset", "-c", CLIENT_CPU, o.chat_load, "--url", self.server.url,
                                      "--quiet", "--timeout", "30m", "--duration", "30m", *flags.split()],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1.5)  # until all have joined
        if self.load.poll() is not None:
            self.__exit__()
            raise SystemExit(f"chat-load {flags} ended with exit code {self.load.returncode}")
        self.signal(signal.SIGSTOP)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.load.kill()
        self.load.wait()
        self.server.process.send_signal(signal.SIGCONT)
        self.server.__exit__()

    def signal(self, which):
        self.load.send_signal(which)
        self.server.process.send_signal(which)

    def turn(self):
        """Runs the pair for one turn. Returns the received bytes per second."""
        self.signal(signal.SIGCONT)
        time.sleep(0.02)
        before, start = tcp_payload_received(), time.monotonic()
        time.sleep(0.05)
        rate = (tcp_payload_received() - before) / (time.monotonic() - start)
        self.signal(signal.SIGSTOP)
        return rate


def turns(o, points):
    """Compares the servers in many short turns. A turn is much shorter than a typical disturbance, so the turns
    show differences that a few long runs do not."""
    head, cells = ["deliveries, in turns of 50 ms"], {name: [] for name in o.names}
    for point in points:
        progress(f"{point}: {o.turns} turns of {len(o.names)} servers")
        with contextlib.ExitStack() as running:
            pairs = {name: running.enter_context(Pair(o, name, CLOSED[point])) for name in o.names}
            rates = [{name: pair.turn() for name, pair in pairs.items()} for _ in range(o.turns)]
        head.append(point)
        for name in o.names:
            cells[name].append(f"{sum(rate[name] for rate in rates) / sum(rate['raw epoll'] for rate in rates):.3f}")
    progress("")
    table(head, [[name, *cells[name]] for name in o.names])


def open_loop(o):
    flags = f"{OPEN} --duration {max(o.seconds, 2)}s --warmup 500ms"
    runs = measure(o.names, o.commands, o.rounds, "100,000 deliveries per second",
                   lambda s: load(o.chat_load, s, flags))
    rows = []
    for name in o.names:
        for run in runs[name]:
            run["p50"], run["p99"] = run["latency_us"]["p50"], run["latency_us"]["p99"]
        rows.append([name, f"{median(runs[name], 'p50'):.0f} µs", f"{median(runs[name], 'p99'):.0f} µs",
                     f"{ratio(runs[name], runs['raw epoll'], 'p99'):.2f}",
                     f"{median(runs[name], 'cpu_us'):.2f} µs",
                     f"{ratio(runs[name], runs['raw epoll'], 'cpu_us'):.2f}"])
    table(["1000 clients, 100,000 deliveries per second", "p50", "p99", "p99 / raw epoll", "CPU per delivery",
           "CPU / raw epoll"], rows)


def idle_client(address, number):
    client = socket.create_connection(address, timeout=20)
    client.sendall(f"GET /?name=idle-{number} HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\n"
                   "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
    received = b""
    while b'"welcome"' not in received:
        part = client.recv(65536)
        if not part:
            raise SystemExit("the server refused an idle client")
        received += part
    return client


def rss_of_idle(server, counts):
    host, port = server.url.removeprefix("ws://").rstrip("/").split(":")
    before, clients, result = server.rss_kb(), [], {}
    try:
        for count in counts:
            clients += [idle_client((host, int(port)), n) for n in range(len(clients), count)]
            time.sleep(0.6)  # presence
            result[count] = (server.rss_kb() - before) / count
    finally:
        for client in clients:
            client.close()
    return result


def idle(o):
    counts = [1000] if o.quick else [1000, 5000]
    runs = measure(o.names, o.commands, 1 if o.quick else o.rounds, "idle connections",
                   lambda s: rss_of_idle(s, counts))
    table(["RSS per idle connection", *(f"{count}" for count in counts)],
          [[name, *(f"{median(runs[name], count):.1f} KB" for count in counts)] for name in o.names])


def hold_many(server):
    """Connects clients at a steady rate. Then one client sends a message, which every client must receive."""
    host, port = server.url.removeprefix("ws://").rstrip("/").split(":")
    clients, errors, heard, start = [], 0, 0, time.monotonic()
    try:
        for number in range(MANY):
            time.sleep(max(0, start + number / MANY_PER_SECOND - time.monotonic()))
            try:
                clients.append(idle_client((host, int(port)), number))
            except (OSError, SystemExit):
                errors += 1
        joined = time.monotonic() - start
        said = time.monotonic()
        clients[0].sendall(masked(b'{"type":"say","text":"can you all hear me?"}'))
        for client in clients:
            received = b""
            while b"can you all hear me?" not in received:
                part = client.recv(65536)
                if not part:
                    break
                received += part
            heard += b"can you all hear me?" in received
        return {"errors": errors, "joined": joined, "heard": heard, "in": time.monotonic() - said,
                "rss": server.rss_kb() / 1024}
    finally:
        for client in clients:
            client.close()


def masked(payload):
    return bytes([0x81, 0x80 | len(payload), 0, 0, 0, 0]) + payload  # a mask of zeros changes nothing


def many(o):
    rows = []
    for name in o.names:
        progress(f"{MANY} connections: {name}")
        with Server(o.commands[name]) as server:
            run = hold_many(server)
        rows.append([name, f"{MANY} in {run['joined']:.1f} s", str(run["errors"]),
                     f"{run['heard']} in {run['in']:.2f} s", f"{run['rss']:.0f} MB"])
    progress("")
    table([f"{MANY_PER_SECOND} clients connect per second (one run)", "joined", "refused or broken",
           "received the message", "server's RSS"], rows)


def slow_reader(o):
    def one_run(server, slow):
        before, seen = server.rss_kb(), []
        report = load(o.chat_load, server, f"{SLOW} --slow-readers {slow} --duration {SLOW_SECONDS:.2f}s",
                      lambda: seen.append(server.rss_kb()))
        return {"growth": (max(seen) - before) / 1024, "p99": report["latency_us"]["p99"],
                "flaws": flaws(report), "starved": report["verdict"] == "starved"}

    rounds = 1 if o.quick else o.rounds
    alone = measure(o.names, o.commands, rounds, "without a slow reader", lambda s: one_run(s, 0))
    runs = measure(o.names, o.commands, rounds, "one slow reader", lambda s: one_run(s, 1))
    table([f"a reader that never reads, {OWED_MB} MB owed", "RSS grows by", "others' p99", "p99 without it",
           "lost by others"],
          [[name + (" (starved)" if any(run["starved"] for run in runs[name]) else ""), f"{median(runs[name], 'growth'):.1f} MB", f"{median(runs[name], 'p99') / 1000:.2f} ms",
            f"{median(alone[name], 'p99') / 1000:.2f} ms", str(sum(run["flaws"] for run in runs[name]))]
           for name in o.names])


def parse():
    parser = argparse.ArgumentParser(prog="scripts/bench.sh chat", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round, in about two minutes")
    parser.add_argument("--rounds", type=int, help="runs per server, interleaved [5]")
    parser.add_argument("--seconds", type=float, help="duration of each run [2]")
    parser.add_argument("--only", default="closed,open,idle,many,slow",
                        help="comma-separated parts: closed,open,idle,many,slow. turns: the closed loop with all servers "
                        "started, each running 50 ms in turn, which shows small differences. A number from 1 to 5 limits "
                        "closed and turns to that point")
    parser.add_argument("--turns", type=int, default=200, help="turns per server [200]")
    parser.add_argument("--servers", help="comma-separated: raw epoll (always), raw epoll quiet, raw epoll threaded, "
                        "async-released, std-released, async, ws")
    parser.add_argument("--bin", required=True, help=argparse.SUPPRESS)
    o = parser.parse_args()
    o.rounds = o.rounds or (1 if o.quick else 5)
    o.seconds = o.seconds or (0.8 if o.quick else 2)
    return o


def main():
    o = parse()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    chat = {"async-released": "async-released", "std-released": "std-released", "async": "async-across_await"}
    o.chat_load = os.path.join(o.bin, "chat-load")
    raw = os.path.join(o.bin, "raw_epoll_server")
    o.commands = {"raw epoll": [raw], "raw epoll quiet": [raw, "--quiet-reading"],
                  "raw epoll threaded": [raw, "--second-thread"]}
    for name, build in chat.items():
        o.commands[name] = [os.path.join(o.bin, f"chat-server-{build}"), "--port", "0", "--admin-port", "0",
                            "--log-level", "warn"]
    if os.path.isdir(os.path.join(HERE, "node_modules", "ws")):
        o.commands["ws"] = ["node", os.path.join(HERE, "ws_server.mjs")]
    wanted = o.servers.split(",") if o.servers else list(o.commands)
    known = [*o.commands, "closed", "open", "idle", "many", "slow", "turns", *"12345"]
    if unknown := set(wanted + o.only.split(",")) - set(known):
        raise SystemExit(f"unknown: {', '.join(sorted(unknown))}; choose from {', '.join(known)}")
    o.names = [name for name in o.commands if name == "raw epoll" or name in wanted]
    parts = o.only.split(",")
    points = [p for n, p in enumerate(CLOSED, 1) if str(n) in parts]
    if "closed" in parts or (points and "turns" not in parts):
        closed_loop(o, points or CLOSED)
    if "turns" in parts:
        turns(o, points or CLOSED)
    for part, run in [("open", open_loop), ("idle", idle), ("many", many), ("slow", slow_reader)]:
        if part in parts:
            run(o)


main()
