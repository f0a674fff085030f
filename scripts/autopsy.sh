#!/usr/bin/env bash
# What do your tools say? Freezes the server that was built with std::mutex, and asks the tools that a
# C++ developer would reach for, one after another: which of them names the task that waits, the task that
# holds the lock, and the lines where it took the lock and fell asleep with it?
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

all_tools=(proc strace gdb errorcheck helgrind drd tsan handlers compilers tidy check-locks report)

usage() {
    cat <<END
Usage: scripts/autopsy.sh [--no-setup] [TOOL...]

Freezes the server and asks each TOOL what it sees. Without TOOL, these: ${all_tools[*]}

  proc        ps and /proc: where the threads sleep
  strace      the system call in which the thread is
  gdb         the stack of the thread, and the owner of the mutex
  errorcheck  the mutex made an error-checking one (PTHREAD_MUTEX_ERRORCHECK)
  helgrind    valgrind's detector of wrong locking
  drd         valgrind's other one
  tsan        ThreadSanitizer, with its detection of deadlocks and of misused mutexes
  handlers    Asio's handler tracking (of a small stand-in for the server)
  compilers   g++ and clang with all warnings about it that they have (of the stand-in)
  tidy        clang-tidy: two checks, as they come, and as this project configures them
  check-locks what the server's own check says of the mistake, before anything freezes
  report      what the server itself says when it is frozen

  --no-setup  do not install missing packages
  --help      this text

Builds are in build/autopsy, the full outputs in build/autopsy/run. Here they are abridged.
END
}

tools=() setup=yes
while [ $# -gt 0 ]; do
    case $1 in
        --no-setup) setup='' ;;
        --help | -h) usage && exit 0 ;;
        *)
            [[ " ${all_tools[*]} " == *" $1 "* ]] || usage_error "unknown option or tool '$1'"
            tools+=("$1")
            ;;
    esac
    shift
done
[ ${#tools[@]} != 0 ] || tools=("${all_tools[@]}")

tree=build/autopsy/std
bin=$tree/bin
run=build/autopsy/run
lesson=workshop/02-what-the-tools-say
mkdir -p $run

wants() { [[ " ${tools[*]} " == *" $1 "* ]]; }

# ---- What a tool would have to name, found in the source, so that it is right when lines move.

# line_in SOURCE FUNCTION WORDS: the line of those words in that function's body. No WORDS: its last line.
line_in() {
    awk -v name="$2" -v words="${3:-}" '
        index($0, name) && /\{$/ { inside = 1 }
        inside && words != "" && index($0, words) { print NR; exit }
        inside && /^}/ { if (words == "") print NR; exit }' "$1"
}

# mentions FUNCTION: is a line of that function's body among `seen`, the lines that the output mentions?
mentions() {
    local first last
    first=$(line_in "$source" "$1" "$1") last=$(line_in "$source" "$1")
    awk -v a="$first" -v b="$last" '$1 >= a && $1 <= b { found = 1 } END { exit !found }' <<<"$seen"
}

# judge TOOL LOG REMARK [SOURCE]: which of the five are in what the tool said, and a row of the table of it.
# Whoever waits or holds may be named as a thread only, or as the task.
rows=()
judge() {
    local log=$2 source=${4:-server/chat/room.cpp} seen cells=(no no no no no)
    local holder='task<> room::say' waiter='task<> room::fan_out' lock='messages.lock(' await='co_await from->reply'
    if [[ $source == */stand_in.cpp ]]; then
        holder='awaitable<void> say' waiter='awaitable<void> fan_out' lock='lock{mutex}' await='co_await'
    fi
    local locked_at asleep_at
    locked_at=$(line_in "$source" "$holder" "$lock") asleep_at=$(line_in "$source" "$holder" "$await")
    [[ -n $locked_at && -n $asleep_at ]] || die "$source has no longer the lines that this script looks for"
    seen=$(grep -oE "${source##*/}:[0-9]+" "$log" | cut -d: -f2 | sort -un || true)

    ! grep -qE 'futex_|futex\(|pthread_mutex_lock|EDEADLK' "$log" || cells[0]=thread
    ! grep -qE 'room::fan_out|task=fan_out|fan_out\(' "$log" || cells[0]=task
    ! mentions "$waiter" || cells[0]=task
    ! grep -qE 'owner [1-9]|what it owns|still holds|^0x[0-9a-f]+:([[:space:]]+[0-9]+){2}[[:space:]]+[1-9]' "$log" || cells[1]=thread
    ! grep -qE 'room::say|task=say|\bsay\(' "$log" || cells[1]=task
    ! mentions "$holder" || cells[1]=task
    ! grep -qx "$locked_at" <<<"$seen" || cells[2]=yes
    ! grep -qx "$asleep_at" <<<"$seen" || cells[3]=yes
    ! grep -qiE 'deadlock|recursive locking|across a suspension|suspended with lock' "$log" || cells[4]=yes
    verdict "$1" "$3" "${cells[@]}"
}

# verdict TOOL REMARK CELL...
verdict() {
    local tool=$1 remark=$2 named='' missing='' i row colour
    local what=('who waits' 'who holds' 'acquired at' 'suspended at' 'that it is wrong')
    row=$(printf '%-25s' "$tool")
    shift 2
    for i in "${!what[@]}"; do
        colour=$green
        case $1 in
            no) missing+=", ${what[i]}" colour=$dim ;;
            thread) named+=", ${what[i]} (the thread)" missing+=", ${what[i]} (the task)" colour='' ;;
            *) named+=", ${what[i]}" ;;
        esac
        row+=$(printf '%s%-14s%s' "$colour" "$1" "$plain")
        shift
    done
    named=${named#, } missing=${missing#, }
    say "${green}Names:${plain} ${named:-nothing}." "${red}Does not name:${plain} ${missing:-nothing}." "$remark"
    rows+=("  $row")
}

# could_not TOOL WHY: it did not run. Said, and not counted as blind.
could_not() {
    say "${red}$1 could not run here:${plain} $2"
    rows+=("$(printf '  %-25s%s' "$1" "did not run: $2")")
}

# has TOOL PROGRAM
has() { command -v "$2" >/dev/null || { could_not "$1" "there is no $2"; return 1; }; }

# Names of types are long; the rest is in the log.
abridge() { # LINES
    sed -E 's/^==[0-9]+== ?//; s/^\[[-0-9]+ [0-9:.]+\] \[chat\] //; s/boost::asio::io_context::basic_executor_type<std::allocator<void>, 0(ul)?> ?/…/g;
            s/std::__n4861:://g; s/boost::asio::/asio::/g; s|/usr/include/||g; s|'"$PWD"'/||g; /^$/d' |
        LC_ALL=C.UTF-8 sed -E 's/^(.{112}).*/\1/' |
        awk -v most="$1" 'NR <= most { print "  | " $0 } NR > most { more++ } END { if (more) print "  | (" more " more lines)" }'
}

# bounded SECONDS LOG COMMAND...: its output, both streams, in LOG; interrupted after that time.
bounded() {
    local seconds=$1 log=$2
    shift 2
    show_command "$@"
    timeout --signal=INT --kill-after=5 "$seconds" "$@" >"$log" 2>&1 </dev/null || true
}

# freeze [TIMEOUT]: one client says one thing.
freeze() {
    local load=("$bin"/chat-load --url "$server_url" --clients 1 --timeout "${1:-1s}" --expect frozen)
    show_command "${load[@]}"
    "${load[@]}" --quiet >/dev/null 2>&1 || die "the server did not freeze; its log is in $run"
}

# ---- The server, frozen, and who looks at it from outside

examine_proc() {
    show_command ps -L -o tid,stat,wchan:20,time,comm -p "$server_pid" ';' cat "/proc/$server_pid/syscall"
    {
        ps -L -o tid,stat,wchan:20,time,comm -p "$server_pid"
        cat "/proc/$server_pid/syscall"
    } >$run/proc.log 2>&1 || true
    abridge 8 <$run/proc.log
    judge "ps, /proc" $run/proc.log \
        "A thread sleeps in a futex and uses no processor time. Which lock, and which task, it cannot know."
}

examine_strace() {
    has strace strace || return 0
    bounded 1 $run/strace.log strace -f -p "$server_pid" -e trace=futex
    if grep -qiE 'not permitted|attach:' $run/strace.log && ! grep -q 'futex(' $run/strace.log; then
        could_not strace "$(grep -iE 'not permitted|attach:' $run/strace.log | head -n 1)"
        return
    fi
    abridge 4 <$run/strace.log
    judge strace $run/strace.log "The same, and the address of the mutex."
}

examine_gdb() {
    has gdb gdb || return 0
    local mutex
    read -r _ mutex _ <"/proc/$server_pid/syscall" 2>/dev/null || mutex=0
    bounded 30 $run/gdb.log gdb -p "$server_pid" -batch -ex "echo lock word, count, owner:\n" -ex "x/3dw $mutex" -ex bt
    if ! grep -q '^#0' $run/gdb.log; then
        could_not gdb "$(grep -iE 'ptrace|permitted|warning' $run/gdb.log | head -n 1)"
        return
    fi
    grep -E '^lock word|^0x|^#' $run/gdb.log | abridge 12
    local owner
    owner=$(sed -n 's/^0x[0-9a-f]*:[[:space:]]*[-0-9]*[[:space:]]*[-0-9]*[[:space:]]*\([0-9]*\)$/\1/p' $run/gdb.log)
    [ "$owner" != "$server_pid" ] || say "The owner is thread $owner, and so is the one that waits."
    judge gdb $run/gdb.log \
        "A thread waits for itself. A suspended coroutine has no stack: neither the holder nor even the task that called lock()."
}

examine_report() {
    show_command cat $run/server.log "   # its standard error, while frozen"
    abridge 60 <$run/report.log
    judge "our own report" $run/report.log "From a second thread of the server, which only watches."
}

examine_check-locks() {
    "$bin"/chat-server --help | grep -q -- --check-locks || { could_not "--check-locks" "this server has no such option"; return 0; }
    start_server $run/check.log "$bin"/chat-server --port 0 --check-locks warn
    freeze
    # Without the report of the freeze that follows.
    sed -n '/loop is frozen/q; /\[info\]/!p' $run/check.log >$run/check.only.log
    stop_server
    abridge 12 <$run/check.only.log
    judge "--check-locks" $run/check.only.log \
        "Said when the task fell asleep, before anybody waited: with luck in the schedule there is no freeze, and still this warning."
}

examine_frozen() {
    title "The server, frozen"
    start_server $run/server.log "$bin"/chat-server --port 0
    freeze
    local tool
    for tool in proc strace gdb; do
        wants $tool || continue
        title "$tool"
        "examine_$tool"
    done
    grep -v '\[info\]' $run/server.log >$run/report.log || true
    stop_server
}

# ---- The server, run in a tool

# run_in TOOL TIMEOUT COMMAND...: frozen, then ended. What it said is in $run/TOOL.log.
run_in() {
    local tool=$1 patience=$2
    shift 2
    start_server "$run/$tool.log" "$@" --port 0
    freeze "$patience"
    stop_server
}

examine_errorcheck() {
    local shim=build/autopsy/liberror_checking.so
    bounded 60 $run/shim.log "${CXX:-g++}" -std=c++20 -O1 -fPIC -shared $lesson/error_checking.cpp -o $shim -ldl
    [ -f $shim ] || { could_not "error-checking mutex" "it does not compile, see $run/shim.log"; return 0; }
    start_server $run/errorcheck.log env LD_PRELOAD=$shim "$bin"/chat-server --port 0
    "$bin"/chat-load --url "$server_url" --clients 1 --timeout 1s --quiet >/dev/null 2>&1 || true
    stop_server
    grep -v '\[info\]' $run/errorcheck.log | abridge 6
    judge "error-checking mutex" $run/errorcheck.log \
        "No freeze: lock() throws, in whichever task comes second, and the server ends. It is the victim that is reported."
}

# valgrind TOOL: the server in it; what it says, without what the server says.
examine_valgrind() {
    has "$1" valgrind || return 1
    run_in "$1" 4s valgrind --tool="$1" "$bin"/chat-server
    grep '^==' "$run/$1.log" | grep -vE 'Copyright|Using Valgrind|Command:|For lists|Use --history|the cost of|= *$' >"$run/$1.only.log" || true
}

examine_helgrind() {
    examine_valgrind helgrind || return 0
    # Its reports are parted by lines of dashes. Races are not what this is about.
    awk 'function flush() { if (part !~ /data race|Announcement/) printf "%s", part; part = "" }
         /^==[0-9]+== -+(Thread-Announcement-+)?$/ { flush() }
         { part = part $0 "\n" }
         END { flush() }' $run/helgrind.only.log >$run/helgrind.locks.log
    say "  | possible data races: $(grep -c 'Possible data race' $run/helgrind.only.log || true) (it knows no atomic variables); the rest:"
    grep -v -- '---$' $run/helgrind.locks.log | abridge 12
    judge helgrind $run/helgrind.locks.log \
        "Of the lock, not a word until the process ends. (It knows relocking only of what pthread_mutex_init made; std::mutex needs none.)"
}

examine_drd() {
    examine_valgrind drd || return 0
    abridge 22 <$run/drd.only.log
    judge drd $run/drd.only.log \
        "It speaks up, at once: relocking. What was \"first observed\" is the first lock of all, long released."
}

examine_tsan() {
    has tsan clang++-19 || return 0
    local tsan=build/autopsy/tsan
    configure $tsan -DCHAT_MUTEX=std "${demo_build[@]}" -DCMAKE_BUILD_TYPE=Release \
        -DCHAT_SANITIZE=thread -DCMAKE_CXX_COMPILER=clang++-19
    build $tsan --target chat-server
    rm -f $run/tsan.report.*
    # Its reports in files of their own, apart from what the server says.
    export TSAN_OPTIONS=detect_deadlocks=1:second_deadlock_stack=1:report_mutex_bugs=1:log_path=$run/tsan.report
    run_in tsan 2s $tsan/bin/chat-server
    unset TSAN_OPTIONS
    cat $run/tsan.report.* >$run/tsan.only.log 2>/dev/null || true
    say "  | reports of ThreadSanitizer: $(grep -c 'WARNING: ThreadSanitizer' $run/tsan.only.log || true)"
    abridge 10 <$run/tsan.only.log
    judge ThreadSanitizer $run/tsan.only.log \
        "No data race, and no two locks in a wrong order: there is one thread, and one lock."
}

# ---- The stand-in: the same freeze in forty lines

examine_handlers() {
    local program=build/autopsy/stand_in
    bounded 120 $run/handlers.build.log "${CXX:-g++}" -std=c++20 -g -pthread \
        -DBOOST_ASIO_ENABLE_HANDLER_TRACKING $lesson/stand_in.cpp -o $program
    [ -x $program ] || { could_not "handler tracking" "the stand-in does not compile, see $run/handlers.build.log"; return 0; }
    bounded 1 $run/handlers.log $program
    abridge 10 <$run/handlers.log
    judge "Asio's tracking" $run/handlers.log \
        "The last line says it, to who can read it: handler 2 began (>2) and never ended (<2). Handlers have numbers, not names." \
        $lesson/stand_in.cpp
}

examine_compilers() {
    local log=$run/compilers.log
    bounded 180 $log "${CXX:-g++}" -std=c++20 -O1 -Wall -Wextra -Wpedantic -Wshadow -fanalyzer -c $lesson/stand_in.cpp -o /dev/null
    if command -v clang++-19 >/dev/null; then
        bounded 120 $run/clang.log clang++-19 -std=c++20 -Wall -Wextra -Wpedantic -Wthread-safety -Wthread-safety-beta \
            -c $lesson/stand_in.cpp -o /dev/null
        cat $run/clang.log >>$log
    fi
    local said
    said=$(grep -cE "stand_in.cpp:[0-9:]+ (warning|error)" $log || true)
    say "  | warnings about stand_in.cpp: $said"
    grep -E 'stand_in.cpp:[0-9:]+ (warning|error)' $log >$run/compilers.only.log || true
    abridge 6 <$run/compilers.only.log
    judge compilers $run/compilers.only.log \
        "It is correct C++. (The analyzers' remarks about library headers are in $log; none is about a lock.)" $lesson/stand_in.cpp
}

# ---- Before it runs

# tidy LOG CLANG_TIDY_OPTION...: the two checks over room.cpp.
tidy() {
    local log=$1
    shift
    bounded 120 "$log.all" clang-tidy-19 -p build/autopsy/database --quiet "$@" server/chat/room.cpp
    grep -v 'warnings generated' "$log.all" >"$log" || true
    say "  | findings: $(grep -c ' warning: ' "$log" || true)"
    abridge 16 <"$log"
}

examine_tidy() {
    has clang-tidy clang-tidy-19 || return 0
    local checks='--checks=-*,cppcoreguidelines-no-suspend-with-lock,misc-coroutine-hostile-raii'
    # For its commands only, of which one for each source is wanted: no unity build.
    configure build/autopsy/database -G Ninja -DCHAT_TESTS=OFF -DCHAT_MUTEX=std
    tidy $run/tidy.default.log "$checks" --config='{}'
    judge "clang-tidy, as it comes" $run/tidy.default.log "The guard in room.cpp is of a type that it has not heard of."
    tidy $run/tidy.log "$checks"
    judge "clang-tidy, taught" $run/tidy.log \
        "With that type in .clang-tidy it finds both deliberate lines, before anything runs. A lock() without a guard it never sees."
}

# ---- All of it

title "What do your tools say?"
say "One task sleeps in a co_await with a std::mutex locked; another blocks their only thread on it." \
    "To mend that you want to know: who waits, who holds, where it was locked, where its holder sleeps, and" \
    "that this is wrong at all."

title "Set up and build"
[ -z "$setup" ] || scripts/setup.sh autopsy
configure $tree -DCHAT_MUTEX=std "${demo_build[@]}" -DCMAKE_CXX_FLAGS=-g1
build $tree --target chat-server chat-load

if wants proc || wants strace || wants gdb || wants report; then
    examine_frozen
fi
for tool in errorcheck helgrind drd tsan handlers compilers tidy check-locks report; do
    wants $tool || continue
    title "$tool"
    "examine_$tool"
done

title "Who names what"
printf '  %-25s%-14s%-14s%-14s%-14s%-14s\n' tool "who waits" "who holds" "acquired at" "suspended at" "it is wrong"
say "${rows[@]}" "" "${dim}$SECONDS s in all. The full outputs are in $run.${plain}"
