#!/usr/bin/env bash
# What do your tools say? Freezes the server built with std::mutex and runs, one after another, the tools that
# a C++ developer would reach for. Which of them names the waiting task, the task that holds the lock, and the
# lines where the holder took the lock and was suspended?
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh
. scripts/autopsy/run.sh     # running a tool and showing its output
. scripts/autopsy/score.sh   # scoring the output, and the table
. scripts/autopsy/outside.sh # tools that look at the frozen server
. scripts/autopsy/inside.sh  # tools that run the server inside them
. scripts/autopsy/source.sh  # tools that read the source

all_tools=(proc strace gdb errorcheck helgrind drd tsan handlers compilers tidy check-locks report)

usage() {
    cat <<END
Usage: scripts/autopsy.sh [--no-setup] [TOOL...]

Freezes the server and shows what each TOOL reports. Default: ${all_tools[*]}

  proc        ps and /proc: where the threads sleep
  strace      the system call that the thread is blocked in
  gdb         the thread's stack, and the mutex's owner
  errorcheck  an error-checking mutex (PTHREAD_MUTEX_ERRORCHECK) instead of the normal one
  helgrind    valgrind's lock-error detector
  drd         valgrind's other lock-error detector
  tsan        ThreadSanitizer, with deadlock and mutex-misuse detection
  handlers    Asio's handler tracking (on a small stand-in for the server)
  compilers   g++ and clang with all their lock-related warnings (on the stand-in)
  tidy        clang-tidy: two checks, with default settings and as this project configures them
  check-locks the server's own check, which reports the mistake before anything freezes
  report      the frozen server's own report

  --no-setup  do not install missing packages
  --help      show this text

Builds are in build/autopsy. The output shown here is abridged; the full output is in build/autopsy/run.
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
    "To fix that you need to know: who waits, who holds, where the lock was acquired, where its holder is" \
    "suspended, and that this is wrong at all."

title "Set up and build"
[ -z "$setup" ] || scripts/setup.sh autopsy
configure $tree -DCHAT_MUTEX=std "${demo_build[@]}" -DCMAKE_CXX_FLAGS=-g1
build $tree --target chat-server chat-load

if wants proc || wants strace || wants gdb || wants report; then
    examine_frozen # runs the first three, and keeps the server's log for examine_report
fi
for tool in errorcheck helgrind drd tsan handlers compilers tidy check-locks report; do
    wants $tool || continue
    title "$tool"
    "examine_$tool"
done

title "Who names what"
print_table
say "" "${dim}Took $SECONDS s. The full output is in $run.${plain}"
