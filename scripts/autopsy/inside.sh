# shellcheck shell=bash disable=SC2154,SC2086 # the variables of scripts/autopsy.sh, which sources this
# Tools that run the server inside them and so observe the freeze as it happens.

# run_in TOOL TIMEOUT COMMAND...: starts the server under the tool, freezes it, stops it. Output: $run/TOOL.log.
run_in() {
    local tool=$1 patience=$2
    shift 2
    start_server "$run/$tool.log" "$@" --port 0 --no-admin
    freeze "$patience"
    stop_server
}

examine_errorcheck() {
    local shim=build/autopsy/liberror_checking.so
    compiled "error-checking mutex" $shim $lesson/error_checking.cpp -O1 -fPIC -shared -ldl || return 0
    start_server $run/errorcheck.log env LD_PRELOAD=$shim "$bin"/chat-server --port 0 --no-admin
    "$bin"/chat-load --url "$server_url" --clients 1 --timeout 1s --quiet >/dev/null 2>&1 || true
    stop_server
    sed '/\[info\]/d' $run/errorcheck.log | abridge 6
    judge "error-checking mutex" $run/errorcheck.log \
        "No freeze: lock() throws in the task that comes second, and the server ends. The report blames the victim."
}

# examine_valgrind TOOL: writes the tool's own output, without the server's, to $run/TOOL.only.log.
examine_valgrind() {
    has "$1" valgrind || return 1
    run_in "$1" 4s valgrind --tool="$1" "$bin"/chat-server
    local preamble='Copyright|Using Valgrind|Command:|For lists|Use --history|the cost of|= *$'
    grep '^==' "$run/$1.log" | grep -vE "$preamble" >"$run/$1.only.log" || true
}

examine_helgrind() {
    examine_valgrind helgrind || return 0
    # Lines of dashes separate helgrind's reports. Data races are filtered out, because only locks matter here.
    awk 'function flush() { if (part !~ /data race|Announcement/) printf "%s", part; part = "" }
         /^==[0-9]+== -+(Thread-Announcement-+)?$/ { flush() }
         { part = part $0 "\n" }
         END { flush() }' $run/helgrind.only.log >$run/helgrind.locks.log
    local races
    races=$(grep -c 'Possible data race' $run/helgrind.only.log) || true
    say "  | possible data races: $races (helgrind does not understand atomic variables); other reports:"
    sed '/---$/d' $run/helgrind.locks.log | abridge 12
    judge helgrind $run/helgrind.locks.log \
        "Nothing about the lock until the process ends. (It detects relocking only of a mutex initialized by pthread_mutex_init, which std::mutex does not call.)"
}

examine_drd() {
    examine_valgrind drd || return 0
    abridge 22 <$run/drd.only.log
    judge drd $run/drd.only.log \
        "Reports the relocking at once. \"First observed\" is the very first lock, which was released long ago."
}

examine_tsan() {
    has ThreadSanitizer clang++-"$(clang_version)" || return 0
    local tsan=build/autopsy/tsan report=$run/tsan.report
    configure $tsan -DCHAT_MUTEX=std "${demo_build[@]}" -DCMAKE_BUILD_TYPE=Release \
        -DCHAT_SANITIZE=thread -DCMAKE_CXX_COMPILER=clang++-"$(clang_version)"
    build $tsan --target chat-server
    rm -f $report.*
    # log_path keeps ThreadSanitizer's reports out of the server's log.
    run_in tsan 2s \
        env TSAN_OPTIONS=detect_deadlocks=1:second_deadlock_stack=1:report_mutex_bugs=1:log_path=$report \
        $tsan/bin/chat-server
    cat $report.* >$run/tsan.only.log 2>/dev/null || true
    say "  | reports of ThreadSanitizer: $(grep -c 'WARNING: ThreadSanitizer' $run/tsan.only.log)"
    abridge 10 <$run/tsan.only.log
    judge ThreadSanitizer $run/tsan.only.log \
        "No data race and no lock-order inversion: there is one thread and one lock."
}

examine_check-locks() {
    start_server $run/check.log "$bin"/chat-server --port 0 --no-admin --check-locks warn
    freeze
    # Stop before the freeze report, which another tool's section shows.
    sed -n '/loop is frozen/q; /\[info\]/!p' $run/check.log >$run/check.only.log
    stop_server
    abridge 12 150 <$run/check.only.log
    judge "--check-locks" $run/check.only.log \
        "Logged when the task was suspended, before another task waited. The warning appears even if, by lucky scheduling, nothing freezes."
}
