# shellcheck shell=bash disable=SC2154,SC2086 # the variables of scripts/autopsy.sh, which sources this
# How the server is frozen, how a tool is run, and how its output is shown.

# freeze [TIMEOUT]: one client says one thing.
freeze() {
    local load=("$bin"/chat-load --url "$server_url" --clients 1 --timeout "${1:-1s}" --expect frozen)
    show_command "${load[@]}"
    "${load[@]}" --quiet >/dev/null 2>&1 || die "the server did not freeze; its log is in $run"
}

# has TOOL PROGRAM
has() {
    command -v "$2" >/dev/null && return
    could_not "$1" "there is no $2 (scripts/setup.sh autopsy installs it)"
    return 1
}

# bounded SECONDS LOG COMMAND...: its output, both streams, in LOG; interrupted after that time.
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

# compiled TOOL PROGRAM SOURCE OPTION...
compiled() {
    local log=$2.build.log
    rm -f "$2"
    bounded 120 "$log" "${CXX:-g++}" -std=c++20 "$3" "${@:4}" -o "$2"
    [ -f "$2" ] && return
    could_not "$1" "${3##*/} does not compile, see $log"
    return 1
}

# abridge LINES [WIDTH]: names of types are long; the rest is in the log.
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
