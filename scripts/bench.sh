#!/usr/bin/env bash
# Measures, and prints tables for the README. `scripts/bench.sh mutex`: the async mutex against std::mutex,
# a channel, a strand and the bare yield; times by Google Benchmark, instructions by callgrind.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'END'
usage: scripts/bench.sh mutex [OPTION OF GOOGLE BENCHMARK...]

  mutex   what the async mutex costs, as ratios in one process

Leave the machine alone meanwhile. The best of several: --benchmark_repetitions=5
END
}

tree=${CHAT_BENCH_TREE:-build/bench}

build_bench() { # TARGET
    cmake -S . -B "$tree" -G Ninja -DCMAKE_BUILD_TYPE=Release >/dev/null
    cmake --build "$tree" --target "$1"
}

# Instructions of one round: what the second ten thousand add.
instructions() { # NAME
    local count refs=()
    for count in 10000 20000; do
        refs+=("$(valgrind --tool=callgrind --callgrind-out-file=/dev/null \
            "$tree/bin/mutex_bench" --rounds "$1" "$count" 2>&1 |
            awk '/refs:/ { gsub(",", "", $NF); print $NF }')")
    done
    echo $(((refs[1] - refs[0]) / 10000))
}

bench_mutex() {
    build_bench mutex_bench
    "$tree/bin/mutex_bench" "$@"
    if ! command -v valgrind >/dev/null; then
        echo "For instruction counts: apt install valgrind"
        return
    fi
    printf '\n| instructions of a round | uncontended | contended, held across a yield |\n|---|---|---|\n'
    local lock
    for lock in async_mutex unsynchronized channel yield; do
        printf '| %s | %s | %s |\n' "$lock" \
            "$(instructions "uncontended/$lock")" "$(instructions "contended/$lock")"
    done
    printf '| std::mutex | %s | |\n' "$(instructions uncontended/std_mutex)"
}

case ${1:-} in
mutex) shift && bench_mutex "$@" ;;
-h | --help) usage ;;
*)
    usage >&2
    exit 2
    ;;
esac
