"""While the chat is permanently frozen, the admin plane still answers, and it reports the freeze."""

import time

from admin_client import AT_ONCE, Events, ask, unanswered_seconds
from chat_client import ChatClient
from chat_server import PATIENCE, ServerTest, run_tests

ENDPOINTS = ("/", "/page.js", "/healthz", "/metrics", "/api/state", "/api/stall", "/nothing")
ATTEMPTS = 5  # the best counts, because another process may use the CPU for a moment


class AdminFreeze(ServerTest):
    frozen_at_the_end = True

    def freeze(self, server):
        """Freezes the server with one message from one client."""
        client = ChatClient(self.connect(server))
        client.upgrade("/?name=alice")
        client.take("welcome")
        client.say("hello")
        server.wait_for_log("verdict=deadlock")
        return client

    def test_every_endpoint_answers_at_once_and_the_chat_does_not(self):
        server = self.start()
        self.freeze(server)
        for path in ENDPOINTS:
            answers = [ask(server, path) for _ in range(ATTEMPTS)]
            best = min(answer.seconds for answer in answers)
            print(f"  {path} {answers[0].status} in {best * 1000:.1f} ms")
            self.assertLess(best, AT_ONCE, path)
        newcomer = ChatClient(self.connect(server))
        with self.assertRaises(TimeoutError):
            newcomer.upgrade(within=0.5)

    def test_health_is_503_and_contains_the_verdict(self):
        server = self.start()
        self.freeze(server)
        first = ask(server, "/healthz")
        self.assertEqual(first.status, 503)
        self.assertEqual((first.json()["status"], first.json()["verdict"]), ("stalled", "deadlock"))
        self.assertGreaterEqual(first.json()["for_ms"], 200)

    def test_state_names_the_holder_and_its_lines_and_the_waiter(self):
        server = self.start()
        self.freeze(server)
        lock = ask(server, "/api/state").json()["lock"]
        self.assertEqual((lock["holder"]["task"], lock["holder"]["name"]), ("say", "alice"))
        self.assertRegex(lock["holder"]["at"], r"^server/chat/room\.cpp:\d+$")
        self.assertRegex(lock["holder"]["suspended_at"], r"^server/chat/room\.cpp:\d+$")
        self.assertEqual((lock["waiting"], lock["waiters"][0]["task"]), (1, "fan_out"))

    def test_stall_returns_the_report_and_the_metrics_count_it(self):
        server = self.start()
        self.freeze(server)
        report = ask(server, "/api/stall")
        self.assertEqual((report.status, report.json()["verdict"]), (200, "deadlock"))
        self.assertEqual(report.json()["holder"]["task"], "say")
        self.assertRegex(report.json()["holder"]["suspended_at"], r"^server/chat/room\.cpp:\d+$")
        deadline = time.monotonic() + PATIENCE
        while (stack := ask(server, "/api/stall").json()["thread"]["stack"]) is None:  # the stack's names come later
            self.assertLess(time.monotonic(), deadline)
        self.assertEqual(stack[-1], "the event loop")
        self.assertFalse([call for call in stack if "parked_handler" in call])
        self.assertGreaterEqual(unanswered_seconds(server), 0.2)
        metrics = ask(server, "/metrics").body.decode().splitlines()
        self.assertIn('chat_stalls_total{verdict="deadlock"} 1', metrics)
        self.assertIn('chat_health{status="stalled"} 1', metrics)

    def test_events_continue_during_the_freeze(self):
        """One stream shows the server alive, then frozen, and for how long."""
        server = self.start()
        stream = Events(server)
        self.addCleanup(stream.close)
        self.assertEqual(stream.take()["status"], "alive")
        self.freeze(server)
        frozen = stream.wait_for(lambda state: state["status"] == "stalled")
        later = [stream.take() for _ in range(10)][-1]
        self.assertEqual(later["status"], "stalled")
        self.assertGreaterEqual(later["for_ms"] - frozen["for_ms"], 800)
        self.assertEqual(later["counters"], frozen["counters"])


if __name__ == "__main__":
    run_tests()
