#!/usr/bin/env bash
# A long test: hundreds of misbehaving clients, and ten well-behaved ones that must not miss a message.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

usage() {
    cat <<END
Usage: scripts/soak.sh [--minutes N] [--build release|asan] [--guard GUARD] [--clients N] [--server PATH]

500 clients join, leave, stall, flood, send garbage, break the protocol and reset their connections, while
ten well-behaved clients chat and check that no message is lost, duplicated or out of order. After each of
four rounds the misbehaving clients leave, and the server must have closed their descriptors. At the end
memory must not have grown, and each limit that those clients exceed must have been hit.

  --minutes N       how long to run (10); in less than a minute some limits may not be hit
  --build NAME      release: g++, Release; asan: clang with AddressSanitizer (release)
  --guard GUARD     released (the default) or across_await, where a client that does not read blocks all
                    others, so the server closes it after 100 ms instead of 2 s
  --clients N       how many clients misbehave at a time (500; 100 with across_await)
  --server PATH     use this chat-server, built with that guard, instead of building one
  --help            show this text

Exits 0 if the test passed, 1 if it failed, 2 for a wrong command line.
END
}

minutes=10 flavour=release guard=released clients='' server=''
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage && exit 0 ;;
        --minutes | --build | --guard | --clients | --server)
            [ $# -ge 2 ] || usage_error "$1 needs a value"
            case $1 in
                --minutes) minutes=$2 ;;
                --build) flavour=$2 ;;
                --guard) guard=$2 ;;
                --clients) clients=$2 ;;
                --server) server=$2 ;;
            esac
            shift
            ;;
        *) usage_error "unknown option '$1'" ;;
    esac
    shift
done
[[ $minutes =~ ^[0-9]+(\.[0-9]+)?$ ]] || usage_error "--minutes must be a number"
case $guard in
    released) write_timeout=2s clients=${clients:-500} ;;
    across_await) write_timeout=100ms clients=${clients:-100} ;;
    *) usage_error "--guard must be released or across_await" ;;
esac
[[ $clients =~ ^[1-9][0-9]*$ ]] || usage_error "--clients must be a whole number from 1"

case $flavour in
    release) arguments=(-DCMAKE_CXX_COMPILER=g++) ;;
    asan) arguments=(-DCMAKE_CXX_COMPILER=clang++-"$(clang_version)" -DCHAT_SANITIZE=address) ;;
    *) usage_error "--build must be release or asan" ;;
esac

if [ -z "$server" ]; then
    tree=build/soak-$flavour-$guard
    configure "$tree" -G Ninja -DCHAT_TESTS=OFF -DCHAT_GUARD="$guard" "${arguments[@]}"
    build "$tree" --target chat-server
    server=$tree/bin/chat-server
fi

# Each client needs a descriptor in the server and one in its own process.
ulimit -n "$(ulimit -Hn)"
title "Soak: $server, $clients clients, $minutes minutes"
PYTHONPATH=tests/support exec python3 -B tests/soak/soak.py "$server" --minutes "$minutes" --clients "$clients" --build "$flavour" \
    --guard "$guard" --write-timeout "$write_timeout"
