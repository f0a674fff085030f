# shellcheck shell=bash disable=SC2154,SC2086 # the variables of scripts/autopsy.sh, which sources this
# Tools that read the source or are compiled in. The stand-in reproduces the same freeze in forty lines.

examine_handlers() {
    local program=build/autopsy/stand_in
    compiled "Asio's tracking" $program $stand_in -g -pthread -DBOOST_ASIO_ENABLE_HANDLER_TRACKING || return 0
    bounded 1 $run/handlers.log $program
    abridge 10 <$run/handlers.log
    judge "Asio's tracking" $run/handlers.log \
        "The last line shows it to an expert: handler 2 began (>2) and never ended (<2). Handlers have numbers, not names." \
        $stand_in
}

examine_compilers() {
    local warnings=(-std=c++20 -Wall -Wextra -Wpedantic -Wshadow) log=$run/compilers.log clang
    clang=clang++-$(clang_version)
    bounded 180 $run/gcc.log "${CXX:-g++}" "${warnings[@]}" -O1 -fanalyzer -c $stand_in -o /dev/null
    if command -v $clang >/dev/null; then
        bounded 120 $run/clang.log $clang "${warnings[@]}" -Wthread-safety -Wthread-safety-beta -c $stand_in -o /dev/null
    else
        say "$clang is not installed, so only g++ was run." | tee $run/clang.log
    fi
    cat $run/gcc.log $run/clang.log | grep -E 'stand_in.cpp:[0-9:]+ (warning|error)' >$log || true
    say "  | warnings about stand_in.cpp: $(wc -l <$log)"
    abridge 6 <$log
    judge compilers $log \
        "It is correct C++. (The analyzers' warnings about library headers are in $run/gcc.log; none is about a lock.)" $stand_in
}

# tidy LOG CLANG_TIDY_OPTION...: runs the two checks on room.cpp.
tidy() {
    local log=$1
    shift
    bounded 120 "$log.all" clang-tidy-"$(clang_version)" -p build/autopsy/database --quiet "$@" server/chat/room.cpp
    grep -v 'warnings generated' "$log.all" >"$log" || true
    say "  | findings: $(grep -c ' warning: ' "$log")"
    abridge 16 130 <"$log"
}

examine_tidy() {
    has clang-tidy clang-tidy-"$(clang_version)" || return 0
    local checks='--checks=-*,cppcoreguidelines-no-suspend-with-lock,misc-coroutine-hostile-raii'
    # Configured only for its compile commands. Not a unity build, so that each source has one.
    configure build/autopsy/database -G Ninja -DCHAT_TESTS=OFF -DCHAT_MUTEX=std
    tidy $run/tidy.default.log "$checks" --config='{}'
    judge "clang-tidy, as it comes" $run/tidy.default.log "It does not know the guard type in room.cpp."
    tidy $run/tidy.log "$checks"
    judge "clang-tidy, taught" $run/tidy.log \
        "With that type in .clang-tidy it finds both guards, before anything runs. It never sees a lock() without a guard."
}
