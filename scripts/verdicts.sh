#!/usr/bin/env bash
# A long test of the diagnosis: is each cause named, every time, and is nothing named when all is well?
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

usage() {
    cat <<END
Usage: scripts/verdicts.sh [--times N] [--idle MINUTES] [--load MINUTES] [--bin FOLDER]

Provokes each of the causes that the server tells apart, and counts how often it names the right one, and
after how long. Asks a frozen server's admin plane for everything. Then lets servers idle, and puts them
under full load: no report may come. About 20 minutes.

  --times N        of each cause (20); 0 leaves this part out, here and below
  --idle MINUTES   three servers at once (10)
  --load MINUTES   each of the three servers that live, in one piece (2)
  --bin FOLDER     the programs in there, instead of building them
  --help           this text

Exits 0 when all was right, 1 when not, 2 for a wrong command line.
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
                [[ $2 =~ ^[0-9]+(\.[0-9]+)?$ ]] || usage_error "$1 is a number"
                [[ $1 != --times || $2 =~ ^[0-9]+$ ]] || usage_error "$1 is a whole number"
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
