# shellcheck shell=bash disable=SC2154,SC2086 # the variables of scripts/autopsy.sh, which sources this
# Tools that read the source, or are compiled into it. The stand-in is the same freeze in forty lines.

examine_handlers() {
    local program=build/autopsy/stand_in
    compiled "Asio's tracking" $program $stand_in -g -pthread -DBOOST_ASIO_ENABLE_HANDLER_TRACKING || return 0
    bounded 1 $run/handlers.log $program
    abridge 10 <$run/handlers.log
    judge "Asio's tracking" $run/handlers.log \
        "The last line says it, to who can read it: handler 2 began (>2) and never ended (<2). Handlers have numbers, not names." \
        $stand_in
}

examine_compilers() {
    local warnings=(-std=c++20 -Wall -Wextra -Wpedantic -Wshadow) log=$run/compilers.log clang
    clang=clang++-$(clang_version)
    bounded 180 $run/gcc.log "${CXX:-g++}" "${warnings[@]}" -O1 -fanalyzer -c $stand_in -o /dev/null
    if command -v $clang >/dev/null; then
        bounded 120 $run/clang.log $clang "${warnings[@]}" -Wthread-safety -Wthread-safety-beta -c $stand_in -o /dev/null
    else
        say "There is no $clang: only one compiler was asked." | tee $run/clang.log
    fi
    cat $run/gcc.log $run/clang.log | grep -E 'stand_in.cpp:[0-9:]+ (warning|error)' >$log || true
    say "  | warnings about stand_in.cpp: $(wc -l <$log)"
    abridge 6 <$log
    judge compilers $log \
        "It is correct C++. (The analyzers' remarks about library headers are in $run/gcc.log; none is about a lock.)" $stand_in
}

# tidy LOG CLANG_TIDY_OPTION...: the two checks over room.cpp.
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
    # For its commands only, of which one for each source is wanted: no unity build.
    configure build/autopsy/database -G Ninja -DCHAT_TESTS=OFF -DCHAT_MUTEX=std
    tidy $run/tidy.default.log "$checks" --config='{}'
    judge "clang-tidy, as it comes" $run/tidy.default.log "The guard in room.cpp is of a type that it has not heard of."
    tidy $run/tidy.log "$checks"
    judge "clang-tidy, taught" $run/tidy.log \
        "With that type in .clang-tidy it finds both guards, before anything runs. A lock() without a guard it never sees."
}
