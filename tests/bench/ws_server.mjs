// The chat's protocol on npm `ws`, as far as chat-load needs it, tuned: no compression, each message
// framed once, and everything of one turn of the event loop in one write for each connection. `ws`
// does the handshake and reads; the shared frames go to the socket, which is ours to begin with
// (noServer mode). What the raw server leaves out is left out here, too.
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

function textFrame(payload) {
    const size = Buffer.byteLength(payload);
    const header = size < 126 ? 2 : 4; // no longer than 64 KiB here
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
let round = []; // frames for everybody

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
