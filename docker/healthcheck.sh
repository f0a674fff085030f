#!/usr/bin/env bash
# Is the chat alive? Joins like a client and waits for its welcome, which the server writes only after
# it has had the lock on the message buffer: neither a frozen nor a starved server gets that far. It
# says nothing, so it can't be the message that freezes a std::mutex build.
set -euo pipefail

probe() {
    exec 3<>"/dev/tcp/127.0.0.1/${CHAT_PORT:-8080}"
    printf 'GET /?name=health HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n%s\r\n%s\r\n\r\n' \
        'Sec-WebSocket-Key: aGVhbHRoIG9mIGEgY2hhdA==' 'Sec-WebSocket-Version: 13' >&3
    local answer='' # to the first brace that closes: frames end without a newline
    LC_ALL=C IFS= read -r -d '}' answer <&3 2>/dev/null
    [[ $answer == *'"type":"welcome"'* ]]
    printf '\x88\x82\x00\x00\x00\x00\x03\xe8' >&3 # a close frame: 1000, goodbye
}

export -f probe
if timeout 3 bash -c probe; then
    echo "alive"
else
    echo "no welcome within 3 s: not running, frozen or starved"
    exit 1
fi
