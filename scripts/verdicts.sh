#!/usr/bin/env bash
# A long test of the diagnosis: each cause must be named every time, and a healthy server must not be reported.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

usage() {
    cat <<END
Usage: scripts/verdicts.sh [--times N] [--idle MINUTES] [--load MINUTES] [--bin FOLDER]

Provokes each cause that the server can distinguish, and measures how often and how fast the server names
the right one. Requests every address of a frozen server's admin plane. Then leaves servers idle and puts
them under full load, during which none may report a problem. Takes about 20 minutes.

  --times N        how often to provoke each cause (20)
  --idle MINUTES   how long to leave three servers idle, all at once (10)
  --load MINUTES   how long to load each of the three servers that do not freeze, one after another (2)
  --bin FOLDER     use the programs in this folder instead of building them
  --help           show this text

The value 0 leaves a part out. Exits 0 if all verdicts were right, 1 if not, 2 for a wrong command line.
END
}

options=() bin=''
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage && exit 0 ;;
        --times | --idle | --load | --bin)
            [ $# -ge 2 ] || usage_error "$1 needs a value"
            if [ "$1" = --bin ]; then
                bin=$2
            else
                [[ $2 =~ ^[0-9]+(\.[0-9]+)?$ ]] || usage_error "$1 must be a number"
                [[ $1 != --times || $2 =~ ^[0-9]+$ ]] || usage_error "$1 must be a whole number"
                options+=("$1" "$2")
            fi
            shift
            ;;
        *) usage_error "unknown option '$1'" ;;
    esac
    shift
done

if [ -z "$bin" ]; then
    tree=build/verdicts
    configure "$tree" -G Ninja -DCHAT_TESTS=OFF
    build "$tree" --target chat-servers chat-load
    bin=$tree/bin
fi
title "Verdicts"
PYTHONPATH=tests/support exec python3 -B tests/soak/verdicts.py "$bin" "${options[@]}"
