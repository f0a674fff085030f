"""Clients that this project did not write: python3-websockets chats with the server, and Python's HTTP client
gets a helpful refusal."""

import asyncio
import json
import random
import urllib.error
import urllib.request

import websockets

from chat_server import PATIENCE, ServerTest, run_tests


async def receive(socket, kind):
    while True:
        event = json.loads(await asyncio.wait_for(socket.recv(), PATIENCE))
        if event["type"] == kind:
            return event


def say(text):
    return json.dumps({"type": "say", "text": text, "ref": text})


class ForeignClient(ServerTest):
    def chat(self, scene, *flags):
        """Starts a server and runs the scene with the server's URL."""
        server = self.start("--idle-timeout", "1m", *flags)
        asyncio.run(asyncio.wait_for(scene(f"ws://127.0.0.1:{server.port}/"), 3 * PATIENCE))

    def test_two_clients_talk_to_each_other(self):
        async def scene(url):
            async with websockets.connect(url + "?name=Zo%C3%AB") as zoe, websockets.connect(url) as bob:
                welcome = await receive(bob, "welcome")
                self.assertEqual((await receive(zoe, "welcome"))["name"], "Zoë")
                for n in range(100):
                    await zoe.send(say(f"ping {n} \U0001f600"))
                    heard = await receive(bob, "message")
                    self.assertEqual((heard["from"], heard["text"]), ("Zoë", f"ping {n} \U0001f600"))
                    self.assertEqual((await receive(zoe, "ack"))["ref"], f"ping {n} \U0001f600")
                    await bob.send(say(f"pong {n}"))
                    answer = await receive(bob, "message")
                    self.assertEqual((answer["id"], answer["text"]), (welcome["id"], f"pong {n}"))
                self.assertEqual(answer["seq"], 200)

        self.chat(scene)

    def test_a_clients_pings_are_answered_while_it_chats(self):
        async def scene(url):
            async with websockets.connect(url, ping_interval=0.05, ping_timeout=PATIENCE) as socket:
                for n in range(50):
                    await socket.send(say(str(n)))
                    pong = await socket.ping(f"number {n}")
                    await asyncio.wait_for(pong, PATIENCE)
                    self.assertEqual((await receive(socket, "message"))["text"], str(n))

        self.chat(scene)

    def test_a_client_leaves_with_a_clean_closing_handshake(self):
        async def scene(url):
            socket = await websockets.connect(url)
            await socket.close(code=1000, reason="bye")
            self.assertEqual(socket.close_code, 1000)

        self.chat(scene)

    def test_a_client_may_offer_compression_and_send_fragments(self):
        """The server declines compression, and the client works without it."""
        async def scene(url):
            async with websockets.connect(url, compression="deflate") as socket:
                # New versions of websockets keep the extensions in `protocol`, old versions in the socket.
                self.assertEqual(getattr(socket, "protocol", socket).extensions, [])
                await socket.send([say("in three")[:5], say("in three")[5:9], say("in three")[9:]])
                self.assertEqual((await receive(socket, "message"))["text"], "in three")

        self.chat(scene)

    def test_a_client_sees_why_it_was_closed(self):
        async def scene(url):
            for payload, code in ((b"binary", 1003), ("x" * 20_000, 1009)):
                async with websockets.connect(url) as socket:
                    await socket.send(payload)
                    with self.assertRaises(websockets.ConnectionClosedError) as closed:
                        while True:
                            await asyncio.wait_for(socket.recv(), PATIENCE)
                    self.assertEqual(closed.exception.rcvd.code, code)

        self.chat(scene)

    def test_echo_returns_any_message(self):
        """--echo provides /echo for test suites."""
        dice = random.Random(1)

        async def scene(url):
            async with websockets.connect(url + "echo", max_size=None) as socket:
                for size in (0, 1, 125, 126, 65_535, 65_536, 1_000_000, *range(2, 2000, 97)):
                    for sent in (dice.randbytes(size), "é" * (size // 2)):
                        await socket.send(sent)
                        self.assertEqual(await asyncio.wait_for(socket.recv(), PATIENCE), sent)

        self.chat(scene, "--echo")

    def test_fifty_clients_receive_the_same_messages(self):
        async def scene(url):
            everyone = await asyncio.gather(*(websockets.connect(url) for _ in range(50)))
            await asyncio.gather(*(s.send(say(f"from {n}")) for n, s in enumerate(everyone)))

            async def listen(socket):
                return [(await receive(socket, "message"))["text"] for _ in everyone]

            heard = await asyncio.gather(*(listen(socket) for socket in everyone))
            self.assertEqual(sorted(heard[0]), sorted(f"from {n}" for n in range(50)))
            for one in heard:
                self.assertEqual(one, heard[0])
            await asyncio.gather(*(socket.close() for socket in everyone))

        self.chat(scene)

    def test_an_http_client_is_told_to_upgrade(self):
        server = self.start()
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://127.0.0.1:{server.port}/", timeout=PATIENCE)
        self.assertEqual(refused.exception.code, 426)
        self.assertIn(b"WebSocket", refused.exception.read())
        refused.exception.close()


if __name__ == "__main__":
    run_tests()
