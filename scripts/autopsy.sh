#!/usr/bin/env bash
# What do your tools say? Freezes the server that was built with std::mutex, and asks the tools that a
# C++ developer would reach for, one after another: which of them names the task that waits, the task that
# holds the lock, and the lines where it took the lock and fell asleep with it?
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh
. scripts/autopsy/run.sh     # how a tool is run, and its output shown
. scripts/autopsy/score.sh   # what it names, and the table
. scripts/autopsy/outside.sh # tools that look at the frozen server
. scripts/autopsy/inside.sh  # tools that the server runs in
. scripts/autopsy/source.sh  # tools that read the source

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
lesson=workshop/06-what-the-tools-say
stand_in=$lesson/stand_in.cpp
mkdir -p $run

wants() { [[ " ${tools[*]} " == *" $1 "* ]]; }

title "What do your tools say?"
say "One task sleeps in a co_await with a std::mutex locked; another blocks their only thread on it." \
    "To mend that you want to know: who waits, who holds, where it was locked, where its holder sleeps, and" \
    "that this is wrong at all."

title "Set up and build"
[ -z "$setup" ] || scripts/setup.sh autopsy
configure $tree -DCHAT_MUTEX=std "${demo_build[@]}" -DCMAKE_CXX_FLAGS=-g1
build $tree --target chat-server chat-load

if wants proc || wants strace || wants gdb || wants report; then
    examine_frozen # the first three of them; keeps what the server writes for the last
fi
for tool in errorcheck helgrind drd tsan handlers compilers tidy check-locks report; do
    wants $tool || continue
    title "$tool"
    "examine_$tool"
done

title "Who names what"
print_table
say "" "${dim}$SECONDS s in all. The full outputs are in $run.${plain}"
