// The part of the chat's protocol that chat-load needs, on npm `ws`, tuned: no compression, each message
// framed once, and one write per connection for each turn of the event loop. `ws` does the handshake and
// reads. The shared frames are written directly to the socket, which this program owns (noServer mode).
// It leaves out the same features as raw_epoll_server.cpp.
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

function textFrame(payload) {
    const size = Buffer.byteLength(payload);
    const header = size < 126 ? 2 : 4; // payloads here are shorter than 64 KiB
    const frame = Buffer.allocUnsafe(header + size);
    frame[0] = 0x81;
    if (size < 126) {
        frame[1] = size;
    } else {
        frame[1] = 126;
        frame.writeUInt16BE(size, 2);
    }
    frame.write(payload, header);
    return frame;
}

const clients = new Set();
let lastId = 0;
let seq = 0;
let round = []; // frames for every client

function finishRound() {
    const news = Buffer.concat(round);
    round = [];
    for (const client of clients) {
        const own = client.replies;
        if (own.length > 0) {
            client.socket.write(Buffer.concat([...own, news]));
            client.replies = [];
        } else {
            client.socket.write(news);
        }
    }
}

function say(client, request) {
    ++seq;
    if (round.length === 0) setImmediate(finishRound);
    round.push(textFrame(JSON.stringify({ type: 'message', seq, id: client.id, from: client.name,
        text: request.text, time: new Date().toISOString() })));
    client.replies.push(textFrame(JSON.stringify({ type: 'ack', ref: request.ref, seq })));
}

const http = createServer();
const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });

http.on('upgrade', (request, socket, head) => {
    socket.setNoDelay(true);
    sockets.handleUpgrade(request, socket, head, (connection) => {
        const id = ++lastId;
        const name = new URL(request.url, 'ws://host').searchParams.get('name') ?? `guest-${id}`;
        const client = { id, name, socket, replies: [] };
        connection.on('message', (data) => {
            const parsed = JSON.parse(data);
            if (parsed.type === 'say') say(client, parsed);
        });
        connection.on('close', () => clients.delete(client));
        connection.on('error', () => clients.delete(client));
        connection.send(JSON.stringify({ type: 'welcome', id, name, seq, mutex: 'none',
            guard: 'none', limits: {} }));
        clients.add(client);
    });
});

const port = process.argv[2] === '--port' ? Number(process.argv[3]) : 0;
http.listen({ port, host: '127.0.0.1', backlog: 4096 }, () => {
    console.log(`ready chat=ws://127.0.0.1:${http.address().port}/ mutex=none guard=none pid=${process.pid}`);
});
