# shellcheck shell=bash disable=SC2154,SC2086 # the variables of scripts/autopsy.sh, which sources this
# Tools that examine one frozen server from outside, and the server's own report.

examine_frozen() {
    title "The server, frozen"
    start_server $run/server.log "$bin"/chat-server --port 0 --no-admin
    freeze
    keep_report # first, because the server needs a moment to add the stack to its report
    local tool
    for tool in proc strace gdb; do
        wants $tool || continue
        title "$tool"
        "examine_$tool"
    done
    stop_server
}

# Waits for the server's stall report and keeps it for examine_report.
keep_report() {
    local deadline=$((SECONDS + 20))
    until grep -q 'the last call first' $run/server.log; do
        ((SECONDS < deadline)) || die "the server has not reported its freeze; its log is in $run"
        sleep 0.05
    done
    grep -v '\[info\]' $run/server.log >$run/report.log
}

examine_proc() {
    has "ps, /proc" ps || return 0
    show_command ps -L -o tid,stat,wchan:20,time,comm -p "$server_pid" ';' cat "/proc/$server_pid/syscall"
    {
        ps -L -o tid,stat,wchan:20,time,comm -p "$server_pid"
        cat "/proc/$server_pid/syscall"
    } >$run/proc.log 2>&1 || true
    abridge 8 <$run/proc.log
    judge "ps, /proc" $run/proc.log \
        "A thread sleeps in a futex and uses no CPU time. The kernel does not know which lock or which task."
}

# attached TOOL LOG WORDS: true if WORDS are in LOG, which means that the tool could attach to the server.
attached() {
    grep -q "$3" "$2" && return
    local why
    why=$(grep -im 1 -E 'not permitted|attach:' "$2") || why="see $2"
    could_not "$1" "$why"
    return 1
}

examine_strace() {
    has strace strace || return 0
    bounded 1 $run/strace.log strace -f -p "$server_pid" -e trace=futex
    attached strace $run/strace.log 'futex(' || return 0
    sed -n '/futex(/s/strace: .*//p' $run/strace.log | abridge 4 # strace's exit message ends up on the same line
    judge strace $run/strace.log "The same as ps, plus the mutex's address."
}

examine_gdb() {
    has gdb gdb || return 0
    local mutex # first argument of the system call that the thread is blocked in
    read -r _ mutex _ <"/proc/$server_pid/syscall" 2>/dev/null || mutex=0
    bounded 30 $run/gdb.log gdb -p "$server_pid" -batch -ex "echo lock word, count, owner:\n" -ex "x/3dw $mutex" -ex bt
    attached gdb $run/gdb.log '^#0' || return 0
    grep -E '^lock word|^0x|^#' $run/gdb.log | abridge 12
    local owner
    owner=$(awk '/^0x/ { print $NF; exit }' $run/gdb.log)
    [ "$owner" != "$server_pid" ] || say "The owner is thread $owner, which is also the thread that waits."
    judge gdb $run/gdb.log \
        "A thread waits for itself. A suspended coroutine has no stack, so gdb shows neither the holder nor the task that called lock()."
}

examine_report() {
    show_command cat $run/server.log "   # the frozen server's standard error"
    abridge 60 <$run/report.log
    judge "our own report" $run/report.log "Written by the server's watch thread."
}
