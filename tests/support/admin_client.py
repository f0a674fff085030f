"""Shared by the tests of the admin plane: HTTP requests, requests as raw bytes, and the stream of events."""

import http.client
import json
import socket
import time

from connection import Connection

AT_ONCE = 0.05  # seconds: the limit for every answer, even while the server is frozen


class Answer:
    def __init__(self, response, seconds):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()
        self.seconds = seconds

    def json(self):
        return json.loads(self.body)


def admin_port(server):
    return int(server.facts["admin"].rstrip("/").rsplit(":", 1)[1])


def ask(server, path, method="GET", headers=None, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", admin_port(server), timeout=10)
    try:
        begin = time.monotonic()
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        return Answer(response, time.monotonic() - begin)
    finally:
        connection.close()


def metrics(server):
    """Returns the value of each series."""
    lines = ask(server, "/metrics").body.decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {series: float(value) for series, value in pairs}


def wait_for_metric(server, series, least):
    """Waits until the series has reached this value."""
    deadline = time.monotonic() + 10
    while (now := metrics(server)[series]) < least:
        assert time.monotonic() < deadline, f"{series} is {now}, expected at least {least}"
        time.sleep(0.02)


def unanswered_seconds(server):
    """Returns how long the event loop has not answered the watch thread."""
    return metrics(server)["chat_loop_unanswered_seconds"]


def status_of(server, request):
    """Sends these bytes and returns the status of the response, or 0 if there is none."""
    connection = Connection(admin_port(server), timeout=10)
    try:
        connection.send(request)
        return connection.response()[0]
    except (ConnectionError, socket.timeout):
        return 0
    finally:
        connection.close()


class Events:
    """The server-sent events of /api/events, each of them a state."""

    def __init__(self, server):
        self.connection = Connection(admin_port(server), timeout=10)
        self.connection.send(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.status, self.headers, self._received = self.connection.response()

    def take(self):
        """Returns the next state."""
        while b"\n\n" not in self._received:
            some = self.connection.receive(time.monotonic() + 10)
            if not some:
                raise ConnectionError("the stream has ended")
            self._received += some
        event, _, self._received = self._received.partition(b"\n\n")
        assert event.startswith(b"data: "), event
        return json.loads(event[6:])

    def wait_for(self, condition):
        """Returns the first state that meets the condition."""
        deadline = time.monotonic() + 10
        while not condition(state := self.take()):
            assert time.monotonic() < deadline, f"the expected state did not come; the last one: {state}"
        return state

    def close(self):
        self.connection.close()
