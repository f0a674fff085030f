# shellcheck shell=bash disable=SC2034 # many of the variables are for those who source this
# What the scripts share; sourced by them, from the project's top folder. Output for an audience,
# a build that shows its progress, and a server that is always ended, however the script ends.

# ---- Output: coloured on a terminal, plain when piped or with NO_COLOR.

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' cyan=$'\e[36m' plain=$'\e[0m'
else
    bold='' dim='' red='' green='' cyan='' plain=''
fi

say() { printf '%s\n' "$@"; }

title() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }

die() {
    printf '%s: %s\n' "${0##*/}" "$@" >&2
    exit 1
}

usage_error() {
    printf '%s: %s (see --help)\n' "${0##*/}" "$1" >&2
    exit 2
}

# The command as one would type it, then its effect.
show_command() { printf '%s$ %s%s\n' "$cyan" "$*" "$plain"; }

# ---- Build

# A compiler of Beast and Asio takes about a gigabyte, so memory limits the jobs as cores do.
parallel_jobs() {
    local cores gigabytes
    cores=$(nproc)
    gigabytes=$(awk '/^MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo)
    ((gigabytes >= 1)) || gigabytes=1
    echo $((cores < gigabytes ? cores : gigabytes))
}

# Several files compiled as one, the same ones for a demonstration and in the tests: which files meet
# decides which warnings there are.
unity_build=(-DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=6)

# For a demonstration: not optimised. With unity_build it takes a third of the time.
demo_build=(-G Ninja -DCHAT_TESTS=OFF -DCMAKE_BUILD_TYPE=None "${unity_build[@]}")

# clang_version: of the clang to use. That is 19, or else the newest that is installed.
clang_version() {
    local newest=19
    command -v clang++-19 >/dev/null ||
        newest=$(compgen -c clang++- | sed -n 's/^clang++-\([0-9]*\)$/\1/p' | sort -n | tail -n 1)
    echo "${newest:-19}"
}

# configure TREE CMAKE_ARGUMENT...: quiet, unless it fails.
configure() {
    local log=$1.configure.log
    mkdir -p "${1%/*}"
    show_command cmake -B "$@"
    if ! cmake -B "$@" >"$log" 2>&1; then
        cat "$log" >&2
        die "the configure failed; its output is above"
    fi
}

# build TREE CMAKE_ARGUMENT...: with Ninja's own progress; how many of the steps were run is in `built`.
build() {
    show_command cmake --build "$@"
    local plan
    plan=$(ninja -C "$1" -n "${@:3}" 2>/dev/null | sed -n 's|^\[[0-9]*/\([0-9]*\)\].*|\1|p' | tail -n 1) || true
    built=${plan:-0}
    CMAKE_BUILD_PARALLEL_LEVEL=$(parallel_jobs) NINJA_STATUS='  [%f/%t, %es] ' cmake --build "$@" ||
        die "the build failed; its output is above"
}

# ---- Reports of chat-load

# report_value FILE KEY: the first value of that name, a word or a number, empty when there is none.
report_value() {
    local value
    value=$(grep -o "\"$2\":[^,{}]*" "$1" 2>/dev/null | sed -n '1s/^[^:]*: *"\{0,1\}\([^"]*\).*/\1/p') || true
    case $value in
        [0-9]*) LC_ALL=C printf '%.0f\n' "$value" ;;
        *) printf '%s\n' "$value" ;;
    esac
}

# ---- A server: one at a time, on a free port.

server_pid='' server_url='' server_ready=''

# start_server LOG PROGRAM OPTION...: sets server_pid, server_url and the ready line, server_ready. Its
# chat and its live page should be on free ports: `--port 0 --admin-port 0`.
start_server() {
    local log=$1 ready=$1.ready deadline=$((SECONDS + 20)) field
    shift
    show_command "$*" '&'
    rm -f "$ready"
    "$@" >"$ready" 2>"$log" </dev/null &
    server_pid=$!
    until grep -q '^ready ' "$ready" 2>/dev/null; do
        if ! kill -0 "$server_pid" 2>/dev/null; then
            cat "$log" >&2
            die "the server ended before it was ready; what it said is above"
        fi
        ((SECONDS < deadline)) || die "the server was not ready within 20 s; see $log"
        sleep 0.05
    done
    server_ready=$(grep -m 1 '^ready ' "$ready")
    server_url=''
    for field in $server_ready; do
        [[ $field != chat=* ]] || server_url=${field#chat=}
    done
    [ -n "$server_url" ] || die "the server's ready line has no chat=URL: $server_ready"
}

# Sends Ctrl-C's signal, and kills a server that does not react to it. Its exit code is in `server_exit`.
stop_server() {
    [ -n "$server_pid" ] || return 0
    local pid=$server_pid waited
    server_pid='' server_exit=0
    kill -INT "$pid" 2>/dev/null || true
    for ((waited = 0; waited < 60; ++waited)); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || server_exit=$?
}

# What the server wrote that is no routine: its stall report, if there was one.
server_report() {
    grep -v '\[info\]' "$1" | head -n 45 | sed 's/^/  | /; s/[[:space:]]*$//' || true
}

# The same without the prose: a line for each alarm.
server_warnings() {
    grep -E '^\[.*\[(warning|error|critical)\]' "$1" | tail -n 5 | sed 's/^/  | /' || true
}

trap stop_server EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
