"""The builds that do not freeze: every client gets every message, in the same order."""

from chat_server import ServerTest, run_tests


class Thaw(ServerTest):
    def chat(self, clients, says_each):
        """Each client sends all its messages at once, then reads until it has received everyone's. Returns the
        clients."""
        server = self.start("--history", "10000")
        everyone = [self.join(server) for _ in range(clients)]
        for number, client in enumerate(everyone):
            client.say(*(f"{number}:{count}" for count in range(says_each)), ref=number)
        for client in everyone:
            client.read_to(clients * says_each)  # the client checks that the numbers are contiguous
        return everyone

    def assert_everything_in_one_order(self, everyone, says_each):
        first = everyone[0].messages
        self.assertEqual(first[0]["seq"], 1)
        for client in everyone:
            self.assertEqual(client.messages, first)
        for number in range(len(everyone)):
            own = [m["text"] for m in first if m["text"].startswith(f"{number}:")]
            self.assertEqual(own, [f"{number}:{count}" for count in range(says_each)])

    def test_one_client_receives_its_own_messages(self):
        self.assert_everything_in_one_order(self.chat(1, 500), 500)

    def test_two_clients_receive_each_others_messages(self):
        self.assert_everything_in_one_order(self.chat(2, 500), 500)

    def test_fifty_clients_receive_the_same_messages_in_the_same_order(self):
        self.assert_everything_in_one_order(self.chat(50, 20), 20)

    def test_every_message_is_acknowledged_once_with_its_number(self):
        """A sender's acks contain the numbers of its own messages, in order."""
        for client in self.chat(10, 50):
            own_id = client.events[0]["id"]
            acks = [client.take("ack")["seq"] for _ in range(50)]
            self.assertEqual(acks, [m["seq"] for m in client.messages if m["id"] == own_id])


if __name__ == "__main__":
    run_tests()
