# shellcheck shell=bash disable=SC2154,SC2086 # the variables of scripts/autopsy.sh, which sources this
# One frozen server: who looks at it from outside, and what it says itself.

examine_frozen() {
    title "The server, frozen"
    start_server $run/server.log "$bin"/chat-server --port 0 --no-admin
    freeze
    keep_report # before others look: the stack in it takes the server a moment
    local tool
    for tool in proc strace gdb; do
        wants $tool || continue
        title "$tool"
        "examine_$tool"
    done
    stop_server
}

# What the server writes, for examine_report.
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
        "A thread sleeps in a futex and uses no processor time. Which lock, and which task, it cannot know."
}

# attached TOOL LOG WORDS: those words are in its output only if it could look into the server.
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
    sed -n '/futex(/s/strace: .*//p' $run/strace.log | abridge 4 # its farewell falls into the line
    judge strace $run/strace.log "The same, and the address of the mutex."
}

examine_gdb() {
    has gdb gdb || return 0
    local mutex # the first argument of the system call in which the thread sleeps
    read -r _ mutex _ <"/proc/$server_pid/syscall" 2>/dev/null || mutex=0
    bounded 30 $run/gdb.log gdb -p "$server_pid" -batch -ex "echo lock word, count, owner:\n" -ex "x/3dw $mutex" -ex bt
    attached gdb $run/gdb.log '^#0' || return 0
    grep -E '^lock word|^0x|^#' $run/gdb.log | abridge 12
    local owner
    owner=$(awk '/^0x/ { print $NF; exit }' $run/gdb.log)
    [ "$owner" != "$server_pid" ] || say "The owner is thread $owner, and so is the one that waits."
    judge gdb $run/gdb.log \
        "A thread waits for itself. A suspended coroutine has no stack: neither the holder nor even the task that called lock()."
}

examine_report() {
    show_command cat $run/server.log "   # its standard error, while frozen"
    abridge 60 <$run/report.log
    judge "our own report" $run/report.log "From a second thread of the server, which only watches."
}
