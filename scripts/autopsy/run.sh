# shellcheck shell=bash disable=SC2154,SC2086 # the variables of scripts/autopsy.sh, which sources this
# Freezing the server, running a tool, and showing the tool's output.

# freeze [TIMEOUT]: freezes the server with one message from one client.
freeze() {
    local load=("$bin"/chat-load --url "$server_url" --clients 1 --timeout "${1:-1s}" --expect frozen)
    show_command "${load[@]}"
    "${load[@]}" --quiet >/dev/null 2>&1 || die "the server did not freeze; its log is in $run"
}

# has TOOL PROGRAM: true if PROGRAM is installed; otherwise reports that TOOL could not run.
has() {
    command -v "$2" >/dev/null && return
    could_not "$1" "$2 is not installed (scripts/setup.sh autopsy installs it)"
    return 1
}

# bounded SECONDS LOG COMMAND...: writes both output streams to LOG and interrupts the command after SECONDS.
bounded() {
    local seconds=$1 log=$2 word typed=()
    shift 2
    for word; do
        [[ $word != *' '* ]] || word="'$word'"
        typed+=("$word")
    done
    show_command "${typed[@]}"
    timeout --signal=INT --kill-after=5 "$seconds" "$@" >"$log" 2>&1 </dev/null || true
}

# compiled TOOL PROGRAM SOURCE OPTION...: true if SOURCE compiles to PROGRAM; otherwise reports that TOOL could not run.
compiled() {
    local log=$2.build.log
    rm -f "$2"
    bounded 120 "$log" "${CXX:-g++}" -std=c++20 "$3" "${@:4}" -o "$2"
    [ -f "$2" ] && return
    could_not "$1" "${3##*/} does not compile, see $log"
    return 1
}

# abridge LINES [WIDTH]: shortens type names and long lines, and shows only the first LINES.
abridge() {
    sed -E 's/^==[0-9]+== ?//; s/^\[[-0-9]+ [0-9:.]+\] \[chat\] //
            s/boost::asio::io_context::basic_executor_type<std::allocator<void>, 0(ul)?> ?/…/g
            s/std::__n4861:://g; s/boost::asio::/asio::/g
            s|/usr/include/||g; s|'"$PWD"'/||g; /^$/d' |
        LC_ALL=C.UTF-8 sed -E 's/^(.{'"${2:-112}"'}).*/\1/' |
        awk -v most="$1" 'NR <= most { print "  | " $0 }
                          NR > most { more++ }
                          END { if (more) print "  | (" more " more lines)" }'
}
