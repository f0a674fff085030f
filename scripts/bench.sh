#!/usr/bin/env bash
# Measures, and prints tables in Markdown: times by Google Benchmark, instructions by callgrind.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

usage() {
    cat <<END
Usage: scripts/bench.sh mutex [--no-setup] [OPTION OF GOOGLE BENCHMARK...]
       scripts/bench.sh chat [--no-setup] [--quick] [OPTION...]

  mutex        what the async mutex costs, beside std::mutex, a channel, a strand and the bare yield:
               first in instructions, which are the same on every host, then in time, as ratios
  chat         what the chat servers deliver, as shares of a bare epoll server's, and npm ws beside
               them: about a quarter of an hour, with --quick two minutes; needs two processors

  --no-setup   do not install missing packages
  --help       this text; \`scripts/bench.sh chat --help\` lists the options of that one

Leave the machine alone meanwhile. mutex takes about two minutes after the build. Of five repetitions the
best counts, so that other work on the machine disturbs little. For less: --benchmark_filter=uncontended
END
}

tree=${CHAT_BENCH_TREE:-build/bench}

# Instructions of one round: what the second ten thousand add.
instructions() { # NAME
    local count total=()
    for count in 10000 20000; do
        total+=("$(valgrind --tool=callgrind --callgrind-out-file=/dev/null \
            "$tree/bin/mutex_bench" --rounds "$1" "$count" 2>&1 |
            awk '/refs:/ { gsub(",", "", $NF); print $NF }')")
    done
    [[ ${total[0]} && ${total[1]} ]] || die "callgrind counted nothing for $1"
    echo $(((total[1] - total[0]) / 10000))
}

# instructions_row TITLE NAME KIND...: a cell for each of both kinds, empty where there is none.
instructions_row() {
    local kind cells=''
    for kind in uncontended contended; do
        cells+=' '
        [[ " ${*:3} " != *" $kind "* ]] || cells+="$(instructions "$kind/$2") "
        cells+='|'
    done
    printf '| %s |%s\n' "$1" "$cells"
}

count_instructions() {
    printf '\n| instructions of a round | uncontended | 10 coroutines, held across a yield |\n|---|---|---|\n'
    instructions_row std::mutex std_mutex uncontended
    instructions_row async_mutex async_mutex uncontended contended
    instructions_row unsynchronized_async_mutex unsynchronized uncontended contended
    instructions_row experimental::channel channel uncontended contended
    instructions_row experimental::concurrent_channel concurrent_channel uncontended contended
    instructions_row strand strand uncontended
    instructions_row "nothing but the coroutine's frame" coroutine uncontended
    instructions_row 'nothing but the yield' yield uncontended contended
}

bench_mutex() {
    configure "$tree" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCHAT_TESTS=OFF -DCHAT_BENCH=ON
    build "$tree" --target mutex_bench
    if command -v valgrind >/dev/null; then
        count_instructions
    else
        say "" "For instruction counts install valgrind."
    fi
    say ""
    show_command "$tree/bin/mutex_bench" --benchmark_repetitions=5 "$@"
    "$tree/bin/mutex_bench" --benchmark_repetitions=5 --benchmark_min_time=0.1 "$@"
}

# The servers that live, chat-load and the bare epoll server; ws where there is npm.
bench_chat() {
    configure "$tree" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCHAT_TESTS=OFF -DCHAT_BENCH=ON
    build "$tree" --target chat_bench
    if ! command -v npm >/dev/null; then
        say "Without ws: npm is not installed (apt install nodejs npm)." >&2
    elif [ ! -d tests/bench/node_modules/ws ]; then
        (cd tests/bench && npm ci --no-audit --no-fund >&2)
    fi
    ulimit -n "$(ulimit -Hn)"
    say ""
    python3 tests/bench/chat_bench.py --bin "$tree/bin" "$@"
}

what='' setup=yes options=()
for argument in "$@"; do
    case $what:$argument in
        :mutex | :chat) what=$argument ;;
        *:--no-setup) setup='' ;;
        chat:--help | chat:-h) exec python3 tests/bench/chat_bench.py --bin '' --help ;;
        *:--help | *:-h) usage && exit 0 ;;
        mutex:--benchmark_* | chat:*) options+=("$argument") ;;
        *) usage_error "unknown option or benchmark '$argument'" ;;
    esac
done
case $what in
    mutex) needed=bench ;;
    chat) needed=bench-chat ;;
    *) usage_error "say what to measure: mutex or chat" ;;
esac

[ -z "$setup" ] || scripts/setup.sh "$needed"
"bench_$what" "${options[@]}"
