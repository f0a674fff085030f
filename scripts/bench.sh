#!/usr/bin/env bash
# Runs the benchmarks and prints Markdown tables: times from Google Benchmark, instructions from callgrind.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

usage() {
    cat <<END
Usage: scripts/bench.sh mutex [--no-setup] [GOOGLE BENCHMARK OPTION...]
       scripts/bench.sh chat [--no-setup] [--quick] [OPTION...]

  mutex        the cost of the async mutex, compared with std::mutex, a channel, a strand and a bare yield:
               first in instructions, which are the same on every host, then in time, as ratios. About two
               minutes after the build; --benchmark_filter=uncontended runs only a part
  chat         deliveries per second of the chat servers and of npm ws, as shares of a bare epoll server's:
               about a quarter of an hour, with --quick two minutes; needs two CPUs

  --no-setup   do not install missing packages
  --help       show this text; \`scripts/bench.sh chat --help\` lists the options of chat

Do not use the machine meanwhile. For mutex the best of five repetitions counts, so a brief disturbance does
little harm.
END
}

tree=${CHAT_BENCH_TREE:-build/bench}

# instructions NAME: prints the instructions of one round, as the difference between 20000 and 10000 rounds.
instructions() {
    local count total=()
    for count in 10000 20000; do
        total+=("$(valgrind --tool=callgrind --callgrind-out-file=/dev/null \
            "$tree/bin/mutex_bench" --rounds "$1" "$count" 2>&1 |
            awk '/refs:/ { gsub(",", "", $NF); print $NF }')")
    done
    [[ ${total[0]} && ${total[1]} ]] || die "callgrind counted nothing for $1"
    echo $(((total[1] - total[0]) / 10000))
}

# instructions_row TITLE NAME KIND...: prints a row with a cell for each kind, empty for a kind not listed.
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
    printf '\n| instructions per round | uncontended | 10 coroutines, held across a yield |\n|---|---|---|\n'
    instructions_row std::mutex std_mutex uncontended
    instructions_row async_mutex async_mutex uncontended contended
    instructions_row unsynchronized_async_mutex unsynchronized uncontended contended
    instructions_row experimental::channel channel uncontended contended
    instructions_row experimental::concurrent_channel concurrent_channel uncontended contended
    instructions_row strand strand uncontended
    instructions_row "only the coroutine's frame" coroutine uncontended
    instructions_row 'only the yield' yield uncontended contended
}

bench_mutex() {
    configure "$tree" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCHAT_TESTS=OFF -DCHAT_BENCH=ON
    build "$tree" --target mutex_bench
    if command -v valgrind >/dev/null; then
        count_instructions
    else
        say "" "Install valgrind to count instructions."
    fi
    say ""
    show_command "$tree/bin/mutex_bench" --benchmark_repetitions=5 "$@"
    "$tree/bin/mutex_bench" --benchmark_repetitions=5 --benchmark_min_time=0.1 "$@"
}

# Builds the servers that do not freeze, chat-load and the bare epoll server, and installs ws if npm is available.
bench_chat() {
    configure "$tree" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCHAT_TESTS=OFF -DCHAT_BENCH=ON
    build "$tree" --target chat_bench
    if ! command -v npm >/dev/null; then
        say "Leaving out ws, because npm is not installed (apt install nodejs npm)." >&2
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
    *) usage_error "name a benchmark: mutex or chat" ;;
esac

[ -z "$setup" ] || scripts/setup.sh "$needed"
"bench_$what" "${options[@]}"
