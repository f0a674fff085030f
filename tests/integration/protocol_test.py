"""The chat protocol as a well-behaved client sees it."""

import concurrent.futures
import threading
import time

from chat_server import PATIENCE, ServerTest, run_tests


class Welcome(ServerTest):
    def test_it_comes_first_and_describes_the_client_and_the_server(self):
        """It contains the client's name and id, the last sequence number, the build, and the limits."""
        server = self.start("--history", "77", "--max-message-bytes", "9000")
        first = self.join(server)
        first.say("one", "two")
        first.read_to(2)
        client = self.join(server)
        welcome = client.events[0]
        self.assertEqual(welcome["name"], f"guest-{welcome['id']}")
        self.assertNotEqual(welcome["id"], first.events[0]["id"])
        self.assertEqual(welcome["seq"], 2)
        self.assertEqual(f"{welcome['mutex']}-{welcome['guard']}", server.flavour)
        self.assertEqual(welcome["limits"], {"text_bytes": 4096, "name_characters": 32,
                                             "message_bytes": 9000, "history": 77})

    def test_history_follows_oldest_first(self):
        """Of 25 messages, a room with a history of ten keeps the last ten. A newcomer gets no gap for the others."""
        server = self.start("--history", "10")
        talker = self.join(server)
        talker.say(*(str(n) for n in range(1, 26)))
        talker.read_to(25)
        newcomer = self.join(server)
        newcomer.read_to(25)
        self.assertEqual([m["text"] for m in newcomer.messages], [str(n) for n in range(16, 26)])
        self.assertNotIn("gap", [event["type"] for event in newcomer.events])

    def test_a_newcomer_to_a_busy_room_has_missed_nothing(self):
        """Each message removes an old one from the history, even between the welcome and the history."""
        server = self.start("--history", "10")
        talker = self.join(server)
        ends = threading.Event()

        def talk():
            while not ends.is_set():
                talker.say(*["x"] * 5)
                talker.read_to((talker.newest or 0) + 5)

        talking = threading.Thread(target=talk)
        talking.start()
        try:
            for _ in range(200):
                newcomer = self.join(server)
                welcome = newcomer.events[0]
                newcomer.read_to(welcome["seq"] + 5)
                self.assertNotIn("gap", [event["type"] for event in newcomer.events])
                self.assertLessEqual(newcomer.messages[0]["seq"], welcome["seq"] + 1)
                newcomer.connection.close()
        finally:
            ends.set()
            talking.join(PATIENCE)

    def test_live_messages_follow_the_history_without_a_gap_or_a_duplicate(self):
        """Twenty clients join while another one chats, and each receives all messages from the first one on. They
        read only at the end. All messages fit into a socket, because otherwise the clients would starve in the
        build that holds the lock."""
        people, at_once = 20, 50
        total = people * at_once
        server = self.start("--history", str(total))
        talker = self.join(server)
        joined = threading.Semaphore(0)

        def chat():
            for start in range(0, total, at_once):
                talker.say(*(str(n) for n in range(start, start + at_once)))
                talker.read_to(start + at_once)
                joined.acquire(timeout=PATIENCE)

        chatting = threading.Thread(target=chat)
        chatting.start()
        newcomers = []
        for _ in range(people):
            newcomers.append(self.join(server))
            joined.release()
        chatting.join()
        self.assertLess(newcomers[0].events[0]["seq"], total, "no client joined while the talker chatted")
        for newcomer in newcomers:
            newcomer.read_to(total)
            self.assertEqual([m["text"] for m in newcomer.messages], [str(n) for n in range(total)])


class Say(ServerTest):
    def test_everyone_gets_the_message_and_its_sender_an_ack(self):
        server = self.start()
        alice, bob = self.join(server, "/?name=alice"), self.join(server)
        alice.say("hello")
        ack = alice.take("ack")
        self.assertEqual(ack, {"type": "ack", "seq": 1})
        for client in (alice, bob):
            message = client.take("message")
            at = message.pop("time")
            self.assertEqual(message, {"type": "message", "seq": 1, "id": alice.events[0]["id"],
                                       "from": "alice", "text": "hello"})
            self.assertRegex(at, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertEqual([event["type"] for event in bob.events if event["type"] == "ack"], [])

    def test_the_ack_returns_any_json_as_its_ref(self):
        refs = [7, -1, 2.5, "text \" \\ \n é \U0001f600", "", None, True, False, [], {},
                [1, {"deep": [None]}], {"id": "x", "n": 18446744073709551615}]
        client = self.join(self.start())
        for ref in refs:
            client.say("hello", ref=ref)
        self.assertEqual([client.take("ack")["ref"] for _ in refs], refs)

    def test_text_comes_back_unchanged(self):
        """Tests quotes, control characters, high and low Unicode, and the longest allowed text."""
        texts = ['"\\/', "\0\b\f\n\r\t\x1f\x7f", "é € \U0001f600 \U0010ffff", "\u2028\u202e",
                 "x" * 4096, "é" * 2048, "</script>"]
        client = self.join(self.start())
        client.say(*texts)
        client.read_to(len(texts))
        self.assertEqual([m["text"] for m in client.messages], texts)

    def test_acks_that_do_not_fit_into_the_reply_queue_block_nobody(self):
        """Neither client is slow, but an ack may have to wait for room."""
        server = self.start()
        two = [self.join(server) for _ in range(2)]
        each = 100

        def talk_and_read(client):
            client.say(*["x"] * each, ref="r" * 12000)
            client.read_to(2 * each)

        with concurrent.futures.ThreadPoolExecutor() as both:
            for done in [both.submit(talk_and_read, client) for client in two]:
                done.result()


class Name(ServerTest):
    def name_after(self, server, target):
        client = self.join(server, target)
        return client.events[0]["name"].replace(f"guest-{client.events[0]['id']}", "guest")

    def test_it_can_be_given_in_the_url(self):
        server = self.start()
        for query, name in {"name=alice": "alice", "name=alice%20b+c": "alice b c",
                            "name=%C3%A9%F0%9F%98%80": "é\U0001f600", "x=1&name=bob&y=2": "bob",
                            "name=" + "%C3%A9" * 32: "é" * 32, "name=%22%5C": '"\\'}.items():
            self.assertEqual(self.name_after(server, f"/?{query}"), name, query)

    def test_it_cannot_forge_log_fields(self):
        server = self.start()
        self.name_after(server, "/?name=%5C%22%20clients=%229")
        server.wait_for_log(r'session=1 name="\\\" clients=\"9" clients=1')

    def test_a_bad_name_in_the_url_makes_a_guest(self):
        server = self.start()
        for query in ("name=", "name=%0A", "name=%FF", "name=%C3", "name=%ZZ", "name=%4", "name=%",
                      "name=" + "x" * 33, "name=%ED%A0%80", "name=%C0%AF", "nom=alice", "name"):
            self.assertEqual(self.name_after(server, f"/?{query}"), "guest", query)

    def test_it_can_be_changed_and_applies_to_the_next_message(self):
        server = self.start()
        client = self.join(server)
        client.say("before")
        client.send_json({"type": "name", "name": "Zoë"})
        client.say("after")
        client.read_to(2)
        self.assertEqual([m["from"] for m in client.messages], [client.events[0]["name"], "Zoë"])


class Presence(ServerTest):
    def count_seen(self, client, count):
        while client.take("presence")["clients"] != count:
            pass

    def test_it_counts_joins_and_leaves_at_most_four_times_a_second(self):
        """Sixty clients that join and leave at once cause only a few frames, and the last frame is right."""
        server = self.start("--write-timeout", "100ms")  # makes the server check its time limits more often
        started = time.monotonic()
        observer = self.join(server)
        others = [self.join(server) for _ in range(60)]
        self.count_seen(observer, 61)
        for client in others[::2]:
            client.connection.close()
        for client in others[1::2]:
            client.connection.reset()
        self.count_seen(observer, 1)
        frames = [event for event in observer.events if event["type"] == "presence"]
        self.assertLessEqual(len(frames), 4 * (time.monotonic() - started) + 1)


if __name__ == "__main__":
    run_tests()
