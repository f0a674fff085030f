# shellcheck shell=bash disable=SC2034 # many of the variables are for the scripts that source this
# Shared by the scripts, which source it from the project's top folder: output for an audience, a build that
# shows its progress, and a server that is always stopped, no matter how the script ends.

# ---- Output: coloured on a terminal, plain in a pipe or with NO_COLOR.

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

# Prints the command as a user would type it.
show_command() { printf '%s$ %s%s\n' "$cyan" "$*" "$plain"; }

# ---- Build

# Prints the number of compile jobs. Compiling Beast and Asio takes about a gigabyte per job, so memory limits it too.
parallel_jobs() {
    local cores gigabytes
    cores=$(nproc)
    gigabytes=$(awk '/^MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo)
    ((gigabytes >= 1)) || gigabytes=1
    echo $((cores < gigabytes ? cores : gigabytes))
}

# Compiles several files as one. The demo and the tests use the same batches, because the warnings depend on
# which files are compiled together.
unity_build=(-DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=6)

# For the demo: not optimised. The unity build cuts the time to a third.
demo_build=(-G Ninja -DCHAT_TESTS=OFF -DCMAKE_BUILD_TYPE=None "${unity_build[@]}")

# clang_version: prints the version of clang to use: 19 if installed, otherwise the newest installed one.
clang_version() {
    local newest=19
    command -v clang++-19 >/dev/null ||
        newest=$(compgen -c clang++- | sed -n 's/^clang++-\([0-9]*\)$/\1/p' | sort -n | tail -n 1)
    echo "${newest:-19}"
}

# configure TREE CMAKE_ARGUMENT...: runs CMake, and shows its output only if it fails.
configure() {
    local log=$1.configure.log
    mkdir -p "${1%/*}"
    show_command cmake -B "$@"
    if ! cmake -B "$@" >"$log" 2>&1; then
        cat "$log" >&2
        die "cmake failed; its output is above"
    fi
}

# build TREE CMAKE_ARGUMENT...: builds with Ninja's progress line and sets `built` to the number of build steps.
build() {
    show_command cmake --build "$@"
    local plan
    plan=$(ninja -C "$1" -n "${@:3}" 2>/dev/null | sed -n 's|^\[[0-9]*/\([0-9]*\)\].*|\1|p' | tail -n 1) || true
    built=${plan:-0}
    CMAKE_BUILD_PARALLEL_LEVEL=$(parallel_jobs) NINJA_STATUS='  [%f/%t, %es] ' cmake --build "$@" ||
        die "the build failed; its output is above"
}

# ---- Reports of chat-load

# report_value FILE KEY: prints the first value of KEY, a word or a number; empty if there is none.
report_value() {
    local value
    value=$(grep -o "\"$2\":[^,{}]*" "$1" 2>/dev/null | sed -n '1s/^[^:]*: *"\{0,1\}\([^"]*\).*/\1/p') || true
    case $value in
        [0-9]*) LC_ALL=C printf '%.0f\n' "$value" ;;
        *) printf '%s\n' "$value" ;;
    esac
}

# ---- One server at a time, on a free port

server_pid='' server_url='' server_ready=''

# start_server LOG PROGRAM OPTION...: sets server_pid, server_url and the ready line, server_ready. The
# options should choose free ports for the chat and the live page: `--port 0 --admin-port 0`.
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
            die "the server ended before it was ready; its log is above"
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

# Sends SIGINT, as Ctrl-C does, and kills a server that does not end. Sets `server_exit` to the exit code.
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

# Prints the server's log without its info lines: the stall report, if there was one.
server_report() {
    grep -v '\[info\]' "$1" | head -n 45 | sed 's/^/  | /; s/[[:space:]]*$//' || true
}

# Prints only the log's warnings and errors, one line each.
server_warnings() {
    grep -E '^\[.*\[(warning|error|critical)\]' "$1" | tail -n 5 | sed 's/^/  | /' || true
}

trap stop_server EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
