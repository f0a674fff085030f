#!/usr/bin/env bash
# Freeze and thaw: builds the server with std::mutex, freezes it with one message, flips the flag,
# rebuilds, and shows that the same load now runs.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

usage() {
    cat <<END
Usage: scripts/demo.sh [--pause] [--clients N] [--duration TIME] [--no-setup]

Sets up and builds what is missing, runs the same load against the server with std::mutex and with the
async mutex, and compares the two. Exits 0 only if the first server froze and the second did not.

  --pause           wait for Enter before each load, so that the audience can predict the outcome
  --clients N       number of clients that listen (50); one of them sends
  --duration TIME   how long the load runs if the server does not freeze (5s)
  --no-setup        do not install missing packages
  --help            show this text

Builds are in build/demo; reports and server logs are in build/demo/run.
END
}

clients=50 duration=5s pause='' setup=yes
while [ $# -gt 0 ]; do
    case $1 in
        --pause) pause=yes ;;
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
[[ $duration =~ ^[0-9.]+(ms|s|m)$ ]] || usage_error "--duration must be a time like 5s, not '$duration'"

tree=build/demo
bin=$tree/bin
run=$tree/run
as_predicted=yes

prediction() {
    say "${bold}Predicted:${plain} $1"
    if [ -n "$pause" ] && [ -t 0 ]; then
        read -r -p "           Press Enter to run it. "
    fi
}

# run_load FLAVOUR VERDICT: starts the server and runs a load that succeeds only if the verdict is as predicted.
run_load() {
    local log=$run/$1.log report=$run/$1.json load
    rm -f "$report"
    start_server "$log" "$bin"/chat-server --port 0 --admin-port 0
    say "$server_ready"
    load=("$bin"/chat-load --url "$server_url" --clients "$clients" --duration "$duration"
        --expect "$2" --json "$report")
    show_command "${load[@]}"
    "${load[@]}" || as_predicted='' # chat-load also fails if the server is alive but loses messages
}

# verdict FLAVOUR PREDICTED: prints the verdict from the report, for the table.
verdict() {
    local verdict
    verdict=$(report_value "$run/$1.json" verdict)
    if [ "$verdict" = "$2" ]; then
        say "$green$verdict$plain"
    else
        say "$red${verdict:-no report}, not as predicted$plain"
    fi
}

title "Freeze and thaw: a chat server, a lock, and one flag"
say "One task holds the lock on the message buffer while it waits for an acknowledgement to be sent." \
    "Another task on the same thread wants the lock. Is the lock a std::mutex, or one that can be awaited?"

title "1. Set up"
if [ -n "$setup" ]; then
    scripts/setup.sh demo
else
    say "skipped (--no-setup)"
fi

title "2. Build with std::mutex (a minute or two the first time, then seconds)"
say "Not optimised, because that compiles in half the time and the freeze does not depend on speed."
configure $tree -DCHAT_MUTEX=std "${demo_build[@]}"
build $tree
mkdir -p $run

title "3. One load against std::mutex: $clients clients, one of them sends"
prediction "it freezes on the first message, for every client, permanently."
run_load std frozen
say "The server's own report ($run/std.log):"
server_report $run/std.log
frozen_after=$SECONDS
stop_server
say "Ctrl-C ends even a frozen server: exit code $server_exit$( ((server_exit != 3)) || echo ', which means "was frozen"')." \
    "${dim}From the start of this script to the first freeze: $frozen_after s.${plain}"

title "4. Flip the flag, rebuild"
flip_start=$SECONDS
configure $tree -DCHAT_MUTEX=async
build $tree
say "$built build steps, $((SECONDS - flip_start)) s: only the files that depend on the flag were compiled again."

title "5. The same load against the async mutex"
prediction "it runs, because a task that waits for the lock gives the thread back."
run_load async alive
stop_server

title "6. Side by side"
show_command $bin/chat-load compare $run/std.json $run/async.json
$bin/chat-load compare $run/std.json $run/async.json

title "Predicted and happened"
say "                predicted   happened" \
    "  std::mutex    frozen      $(verdict std frozen)" \
    "  async mutex   alive       $(verdict async alive)"
if [ -z "$as_predicted" ]; then
    say "" "This is not the predicted outcome. Reports and logs are in $run."
    exit 1
fi
say "" "The cause is marked WRONG ON PURPOSE in server/chat/room.cpp; the lesson is workshop/01-the-freeze."
