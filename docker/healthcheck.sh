#!/usr/bin/env bash
# Asks the admin plane whether the chat is alive. The admin plane answers even while the chat is frozen or starved,
# and `docker inspect` shows the answer. The check is not a client and takes no lock.
set -euo pipefail

probe() {
    { exec 3<>"/dev/tcp/127.0.0.1/${CHAT_ADMIN_PORT:-8081}"; } 2>/dev/null || return 1
    printf 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
    local status answer
    read -r _ status _ <&3
    answer=$(tail -n 1 <&3) # the body is one line
    echo "${answer:-HTTP $status}"
    [ "$status" = 200 ]
}

export -f probe
timeout 3 bash -c probe || {
    echo "not healthy: frozen or starved, or nothing answered within 3 s"
    exit 1
}
