#!/usr/bin/env bash
# The 2x2: std::mutex or async mutex, guard held across the co_await or released before it. Each of the four
# runs under the same load, then again with one more client that joins and never reads.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

usage() {
    cat <<END
Usage: scripts/matrix.sh [--clients N] [--duration TIME] [--no-setup]

Builds the four servers, runs the same load against each, without and with one slow reader, and prints
the predictions and the results. Exits 0 only if all eight results are as predicted. "Starved until
closed" means that no client got a message until the server closed the slow reader; then all messages arrived.

  --clients N       number of clients that listen (20); one of them sends
  --duration TIME   how long each load runs (8s); with a slow reader it must exceed 3 s, the time after
                    which the server closes that reader
  --no-setup        do not install missing packages
  --help            show this text

Builds are in build/demo; reports and server logs are in build/demo/matrix.
END
}

clients=20 duration=8s setup=yes
while [ $# -gt 0 ]; do
    case $1 in
        --no-setup) setup='' ;;
        --clients | --duration)
            [ $# -ge 2 ] || usage_error "$1 needs a value"
            if [ "$1" = --clients ]; then clients=$2; else duration=$2; fi
            shift
            ;;
        --help | -h) usage && exit 0 ;;
        *) usage_error "unknown option $1" ;;
    esac
    shift
done
[[ $clients =~ ^[1-9][0-9]*$ ]] || usage_error "--clients must be a number from 1, not '$clients'"
[[ $duration =~ ^[0-9.]+(ms|s|m)$ ]] || usage_error "--duration must be a time like 8s, not '$duration'"

tree=build/demo
run=$tree/matrix

# Prints the report's result in the words of the predictions below.
outcome() {
    local report=$1 slow=$2 closed word
    word=$(report_value "$report" verdict)
    closed=$(report_value "$report" slow_readers_closed)
    case $word in
        frozen) echo "frozen on message $(report_value "$report" after_messages)" ;;
        starved)
            if grep -q '"ended":true' "$report" && [ "$closed" = "$slow" ]; then
                echo "starved until closed"
            else
                echo "starved until the end"
            fi
            ;;
        alive) [ "$slow" = 0 ] || [ "$closed" = "$slow" ] && echo alive || echo "alive, slow reader not closed" ;;
        *) echo "no report" ;;
    esac
}

# Prints the numbers that support the result.
evidence() {
    local report=$1
    case $(report_value "$report" verdict) in
        frozen) echo "delivered $(report_value "$report" delivered) of $(report_value "$report" expected)" ;;
        starved) echo "no client got a message for $(report_value "$report" silent_ms) ms" ;;
        alive) echo "$(report_value "$report" deliveries_per_s) deliveries/s, slowest $(($(report_value "$report" max) / 1000)) ms" ;;
    esac
}

rows=() wrong=0

# cell MUTEX GUARD SLOW_READERS PREDICTED: runs one load and adds a row to the table.
cell() {
    local name=$1-$2-slow$3 report log colour=$green
    report=$run/$name.json log=$run/$name.log
    rm -f "$report"
    title "$1 mutex, guard $2, $([ "$3" = 0 ] && echo "no slow reader" || echo "one slow reader")"
    say "Predicted: $4"
    start_server "$log" $tree/bin/chat-server-"$1"-"$2" --port 0 --no-admin --write-timeout 3s
    local load=("$tree"/bin/chat-load --url "$server_url" --clients "$clients" --duration "$duration"
        --message-bytes 4000 --timeout 1s --slow-readers "$3" --json "$report")
    show_command "${load[@]}"
    "${load[@]}" --quiet >/dev/null 2>&1 || true # the verdict is in the report
    stop_server
    server_warnings "$log"
    local happened remark
    happened=$(outcome "$report" "$3") remark=$(evidence "$report")
    [ "$happened" = "$4" ] || { wrong=$((wrong + 1)) colour=$red; }
    say "Happened: $colour$happened$plain, $remark"
    rows+=("$(printf '  %-6s %-13s %-5s %-21s %s%-21s%s %s' \
        "$1" "$2" "$3" "$4" "$colour" "$happened" "$plain" "$remark")")
}

title "Set up and build the four servers"
[ -z "$setup" ] || scripts/setup.sh demo
configure $tree "${demo_build[@]}"
build $tree --target chat-servers chat-load
mkdir -p $run

for slow in 0 1; do
    cell std across_await $slow "frozen on message 1"
    cell std released $slow alive
    if [ $slow = 0 ]; then
        cell async across_await 0 alive
    else
        cell async across_await 1 "starved until closed"
    fi
    cell async released $slow alive
done

title "Predicted and happened"
printf '  %-6s %-13s %-5s %-21s %-21s %s\n' mutex guard slow predicted happened evidence
say "${rows[@]}" ""
if [ $wrong != 0 ]; then
    say "${red}$wrong of ${#rows[@]} results are not as predicted${plain}; reports and logs are in $run"
    exit 1
fi
say "All ${#rows[@]} results are as predicted."
