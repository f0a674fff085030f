"""A chat server in 100 lines that misbehaves on request; standard library only.

As a program it prints its port and serves until killed. The first argument selects the fault:
  well       no fault
  lose       client 1 never gets the sender's message number 5
  double     client 1 gets number 5 twice
  swap       client 1 gets number 6 before number 5; the sender is client 2
  gap        client 1 gets a gap message instead of number 5
  refuse     the server answers number 5 with an error
  starve     from number 5 on nothing is delivered, but acks, pongs and handshakes continue
  thaw       number 5 is delivered 1.5 seconds late
  garbage    all clients get bytes that are not a WebSocket frame instead of number 5
  nonsense   all clients get text that is not JSON before number 5
  reset      at number 5 all connections are reset
  close      at number 5 all connections are closed, with a close frame
  mute       handshakes are completed, but no welcome follows
  kick       the sender of number 5 is closed with 1008 instead of an answer; other clients stay
  kick-reset as kick, but the connection is reset right after the close frame
  kick-late  as kick, but number 5 was acknowledged and is never delivered
  kick-reader  client 1 is closed with 1008 at number 5; other clients get number 5
  rude       at number 5 all connections are closed; the reason has an escape sequence, HTML and invalid UTF-8
  rude-error the server answers number 5 with an error; its code has an escape sequence and HTML
  slow       everything is delivered, but only fifty messages per second
  flood      after the welcome the server sends presence messages endlessly and reads nothing
"""

import asyncio
import base64
import hashlib
import json
import socket
import struct
import sys

FAULT = sys.argv[1] if len(sys.argv) > 1 else "well"
MAGIC_NUMBER = 5
RUDE = "\x1b]0;owned\x07<b>"


def frame(payload, opcode=1):
    size = len(payload)
    header = bytes([0x80 | opcode]) + (bytes([size]) if size < 126 else b"\x7e" + struct.pack(">H", size))
    return header + payload


class Server:
    def __init__(self):
        self.clients = []
        self.seq = 0
        self.says = 0
        self.held = None

    async def serve(self, reader, writer):
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        key = next(line.split(": ")[1] for line in request.split("\r\n") if "sec-websocket-key" in line.lower())
        accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest())
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        if FAULT != "mute":
            self.tell(writer, type="welcome", id=len(self.clients) + 1, name="x", seq=self.seq,
                      mutex="none", guard="none", limits={})
            self.clients.append(writer)
        presence = frame(b'{"type":"presence","clients":1}') * 10000
        try:
            while FAULT == "flood" and not writer.is_closing():
                writer.write(presence)
                await writer.drain()
            while True:
                await self.take(writer, *await self.read_frame(reader))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        if writer in self.clients:
            self.clients.remove(writer)
        writer.close()

    async def read_frame(self, reader):
        first, second = await reader.readexactly(2)
        assert second & 0x80, "a client must mask"
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack(">H", await reader.readexactly(2))
        mask = await reader.readexactly(4)
        data = await reader.readexactly(size)
        return first & 0x0F, bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))

    async def take(self, writer, opcode, payload):
        if opcode == 9:
            writer.write(frame(payload, 10))
        elif opcode == 8:
            writer.write(frame(payload, 8))
            raise ConnectionError
        elif opcode == 1:
            await self.say(writer, json.loads(payload))

    def tell(self, writer, **message):
        if not writer.is_closing():
            writer.write(frame(json.dumps(message, separators=(",", ":")).encode()))

    async def say(self, writer, message):
        number = self.says
        self.says += 1
        if FAULT == "refuse" and number == MAGIC_NUMBER:
            self.tell(writer, type="error", code="rate", reason="too fast")
            return
        if FAULT == "rude-error" and number == MAGIC_NUMBER:
            self.tell(writer, type="error", code=RUDE, reason="")
            return
        if FAULT.startswith("kick") and number == MAGIC_NUMBER:
            if FAULT == "kick-late":
                self.tell(writer, type="ack", ref=message.get("ref"), seq=self.seq + 1)
            victim = self.clients[1] if FAULT == "kick-reader" else writer
            self.clients.remove(victim)
            victim.write(frame(struct.pack(">H", 1008) + b"too many messages a second", 8))
            if FAULT == "kick-reset":
                self.reset(victim)
            if victim is writer:
                return
        self.tell(writer, type="ack", ref=message.get("ref"), seq=self.seq + 1)
        if FAULT == "slow":
            asyncio.get_running_loop().call_later(number / 50, self.deliver, message["text"], number)
            return
        if FAULT == "starve" and number >= MAGIC_NUMBER:
            return
        if FAULT == "thaw" and number == MAGIC_NUMBER:
            asyncio.get_running_loop().call_later(1.5, self.deliver, message["text"], number)
            return
        self.deliver(message["text"], number)

    def deliver(self, text, number):
        self.seq += 1
        news = frame(json.dumps({"type": "message", "seq": self.seq, "id": 1, "from": "x", "text": text,
                                 "time": "now"}, separators=(",", ":")).encode())
        for index, client in enumerate(list(self.clients)):
            for one in self.spoil(index, number, news, client) if not client.is_closing() else []:
                client.write(one)

    def reset(self, client):
        client.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.transport.abort()

    def spoil(self, index, number, news, client):
        """Returns the frames that this client gets instead of the news."""
        if FAULT == "swap" and index == 1:
            if number == MAGIC_NUMBER:
                self.held = news
                return []
            if number == MAGIC_NUMBER + 1:
                return [news, self.held]
        if number != MAGIC_NUMBER:
            return [news]
        if FAULT == "reset":
            self.reset(client)
            return []
        if FAULT == "close":
            return [frame(struct.pack(">H", 1001) + b"bye", 8)]
        if FAULT == "rude":
            return [frame(struct.pack(">H", 1008) + RUDE.encode() + b"\xff\xfe", 8)]
        if FAULT == "garbage":
            return [b"\xff\xff garbage " * 50]
        if FAULT == "nonsense":
            return [frame(b"{nonsense"), frame(b"\xe2\x82"), news]
        if index == 1:
            return {"lose": [], "double": [news, news],
                    "gap": [frame(b'{"type":"gap","missed":1}')]}.get(FAULT, [news])
        return [news]


async def main():
    state = Server()
    server = await asyncio.start_server(state.serve, "127.0.0.1", 0, backlog=200)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
