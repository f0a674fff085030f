#!/usr/bin/env bash
# The test command: sets up, builds with g++ and runs every test. `all` adds clang, the sanitizers and all other
# checks of continuous integration.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

usual_parts=(format gcc)
all_parts=(format gcc builds clang asan tsan fuzz tidy)
fuzzers=(protocol session-released session-across_await client)
fuzz_seconds=${CHAT_FUZZ_SECONDS:-60}

usage() {
    cat <<END
Usage: scripts/test.sh [--no-setup] [-R REGEX] [PART...]

Sets up, builds and runs tests. Without PART, every test once: ${usual_parts[*]}. That takes a few minutes.

  all      everything that continuous integration runs, about half an hour: ${all_parts[*]}

  format   clang-format-19 changes nothing
  gcc      g++, Release, warnings are errors; includes the live page in Chromium
  builds   the other builds of the scripts and presets, with warnings as errors: the demo, the benchmarks
  clang    clang, unoptimised, warnings are errors; without the integration tests (unless -R names them),
           because asan and tsan run them with clang
  asan     clang, AddressSanitizer and UndefinedBehaviorSanitizer; without the lessons
  tsan     clang, ThreadSanitizer; without the lessons, which use it themselves where they teach it
  fuzz     libFuzzer for $fuzz_seconds s (CHAT_FUZZ_SECONDS), all targets at once: ${fuzzers[*]}
  tidy     clang-tidy finds every deliberate lock held across a suspension, and no other
  tidy-all the other checks in .clang-tidy find nothing (takes many minutes; runs only when named)

  --quick      the same as: gcc
  -R REGEX     only the tests whose name matches, as with ctest
  --no-setup   do not install missing packages
  --help       show this text

clang is clang 19, or the newest version installed. Tests that cannot run here are listed as NOT RUN.
The last line is "N passed, N failed". It counts the tests of all builds; format, tidy, each of builds and
each failed build count as one. Exits 0 only if nothing failed. Builds are in build/test-*.
END
}

parts=() setup=yes filter=()
while [ $# -gt 0 ]; do
    case $1 in
        --quick) parts+=(gcc) ;;
        --no-setup) setup='' ;;
        -R)
            [ $# -ge 2 ] || usage_error "-R needs a regular expression"
            filter=(-R "$2")
            shift
            ;;
        --help | -h) usage && exit 0 ;;
        all) parts+=("${all_parts[@]}") ;;
        format | gcc | builds | clang | asan | tsan | fuzz | tidy | tidy-all) parts+=("$1") ;;
        *) usage_error "unknown option or part '$1'" ;;
    esac
    shift
done
[ ${#parts[@]} != 0 ] || parts=("${usual_parts[@]}")

passed=0 failed=0 summary=()

# result PART PASSED FAILED [REMARK]
result() {
    passed=$((passed + $2)) failed=$((failed + $3))
    local colour=$green
    [ "$3" = 0 ] || colour=$red
    summary+=("$(printf '  %-8s %s%4d passed, %d failed%s  %5d s  %s' \
        "$1" "$colour" "$2" "$3" "$plain" $((SECONDS - part_start)) "${4:-}")")
}

sources() { find server client tests workshop -name '*.?pp' 2>/dev/null | sort; }

check_format() {
    if ! command -v clang-format-19 >/dev/null; then
        result format 0 0 "NOT RUN: clang-format-19 is not installed"
        return
    fi
    show_command clang-format-19 --dry-run --Werror 'FILE...'
    if sources | xargs clang-format-19 --dry-run --Werror; then
        result format 1 0
    else
        result format 0 1 "to fix it: clang-format-19 -i FILE..."
    fi
}

has_browser() {
    command -v chromium >/dev/null && command -v chromedriver >/dev/null && /usr/bin/python3 -c 'import selenium' 2>/dev/null
}

# Sets `arguments` for CMake, and `left_out` to the name of a test that cannot run.
choose_arguments() {
    local clang=(-DCMAKE_CXX_COMPILER=clang++-"$(clang_version)" -DCHAT_WERROR=ON "${unity_build[@]}")
    left_out=''
    case $1 in
        gcc)
            arguments=(-DCMAKE_CXX_COMPILER=g++ -DCHAT_WERROR=ON "${unity_build[@]}" -DCHAT_BROWSER_TESTS=ON)
            if ! has_browser; then
                arguments+=(-DCHAT_BROWSER_TESTS=OFF)
                left_out="browser.live_page (chromium, chromedriver or selenium is not installed)"
            fi
            ;;
        clang) arguments=("${clang[@]}" -DCMAKE_BUILD_TYPE=None) ;;
        # Both use one tree, so that nothing is compiled twice.
        asan | fuzz) arguments=("${clang[@]}" -DCHAT_SANITIZE=address -DCHAT_FUZZ=ON -DCHAT_WORKSHOP=OFF) ;;
        tsan) arguments=("${clang[@]}" -DCHAT_SANITIZE=thread -DCHAT_WORKSHOP=OFF) ;;
    esac
}

run_tests() {
    local part=$1 tree=build/test-$1 arguments left_out
    choose_arguments "$part"
    # In a subshell, so that a failed build ends only this part.
    if ! (configure "$tree" -G Ninja -DCHAT_TESTS=ON "${arguments[@]}" && build "$tree"); then
        result "$part" 0 1 "the build failed: its tests did not run"
        return
    fi
    local log=$tree/ctest.log status=0 which=("${filter[@]}")
    if [ "$part" = clang ] && [ ${#filter[@]} = 0 ]; then which=(-LE integration); fi
    show_command ctest --test-dir "$tree" "${which[@]}"
    # More jobs than CPUs, because most tests mostly wait for timeouts. Sanitizer builds use more CPU.
    local at_once=$((3 * $(nproc)))
    [[ $part == gcc ]] || at_once=$((2 * $(nproc)))
    ctest --test-dir "$tree" --output-on-failure --no-tests=error --parallel $at_once "${which[@]}" |
        tee "$log" || status=$?
    count_tests "$part" "$log" "$status"
}

# count_tests PART LOG STATUS: reports the counts from ctest's "98% tests passed, 1 tests failed out of 50" and
# its list of tests that did not run. ctest counts skipped tests as passed and leaves out disabled tests.
count_tests() {
    local bad=0 total=0 not_run skipped remark=''
    read -r bad total < <(sed -n 's/^[0-9]*% tests passed, \([0-9]*\) tests failed out of \([0-9]*\).*/\1 \2/p' "$2" | tail -n 1) || true
    not_run=$(sed -n 's/^[[:space:]]*[0-9]* - \([^ ]* (\(Skipped\|Disabled\))\)$/\1/p' "$2")
    skipped=$(grep -c '(Skipped)$' <<<"$not_run" || true)
    [ -z "$left_out" ] || not_run+=${not_run:+$'\n'}$left_out
    [ -z "$not_run" ] || remark="NOT RUN: ${not_run//$'\n'/, }"
    # If ctest failed without printing a count, report one failure.
    if [ "$3" != 0 ] && [ "${bad:-0}" = 0 ]; then bad=1 total=$((${total:-0} + 1)); fi
    result "$1" $((${total:-0} - ${bad:-0} - skipped)) "${bad:-0}" "$remark"
}

# check_build TREE TARGET... -- CMAKE_ARGUMENT...: configures and builds; counts as one test.
check_build() {
    local tree=$1 targets=()
    shift
    while [ "$1" != -- ]; do
        targets+=("$1")
        shift
    done
    if (configure "$tree" "${@:2}" && build "$tree" --target "${targets[@]}"); then
        built_well=$((built_well + 1))
    else
        built_badly=$((built_badly + 1))
    fi
}

# Builds what demo.sh and matrix.sh build, then what bench.sh, the other scripts and the presets build. The
# latter is not a unity build, so it finds a missing #include.
check_builds() {
    local built_well=0 built_badly=0 release=(-G Ninja -DCHAT_TESTS=OFF -DCMAKE_BUILD_TYPE=Release -DCHAT_BENCH=ON)
    check_build build/test-demo all chat-servers -- "${demo_build[@]}" -DCHAT_WERROR=ON
    check_build build/test-release all chat-servers mutex_bench -- "${release[@]}" -DCHAT_WERROR=ON
    result builds $built_well $built_badly "one for the demo, one for benchmarks and presets"
}

# The fuzzers still running. They must be killed explicitly, because a shell's background jobs ignore Ctrl-C.
fuzzer_pids=()

end_fuzzers() {
    [ ${#fuzzer_pids[@]} != 0 ] || return 0
    kill "${fuzzer_pids[@]}" 2>/dev/null || true
    wait "${fuzzer_pids[@]}" || true
}
trap end_fuzzers EXIT # replaces stop_server, because this script starts no server

# Runs all fuzzers at once. Each counts as one test. libFuzzer saves a failing input in the tree and logs its path.
run_fuzzers() {
    local tree=build/test-asan arguments left_out fuzzer corpus log bad=0 executions remark=''
    choose_arguments fuzz
    if ! (configure $tree -G Ninja -DCHAT_TESTS=ON "${arguments[@]}" && build $tree --target fuzzers); then
        result fuzz 0 1 "the build failed: nothing was fuzzed"
        return
    fi
    for fuzzer in "${fuzzers[@]}"; do
        # New inputs are kept here and tried first in the next run.
        mkdir -p "$tree/fuzz-found/$fuzzer"
        corpus=tests/fuzz/corpus/${fuzzer/#session-*/session} # the two session fuzzers share a corpus
        show_command "$tree/bin/fuzz-$fuzzer" "$corpus" '&'
        timeout $((fuzz_seconds + 120)) "$tree/bin/fuzz-$fuzzer" -max_total_time="$fuzz_seconds" \
            -timeout=20 -dict=tests/fuzz/chat.dict -print_final_stats=1 -artifact_prefix="$tree/fuzz-$fuzzer-" \
            "$tree/fuzz-found/$fuzzer" "$corpus" >"$tree/fuzz-$fuzzer.log" 2>&1 &
        fuzzer_pids+=($!)
    done
    for fuzzer in "${!fuzzers[@]}"; do
        log=$tree/fuzz-${fuzzers[fuzzer]}.log
        if ! wait "${fuzzer_pids[fuzzer]}"; then
            bad=$((bad + 1))
            tail -n 40 "$log" >&2
        fi
        unset "fuzzer_pids[fuzzer]"
        executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        remark+="${remark:+, }${fuzzers[fuzzer]} ${executions:-?}"
    done
    result fuzz $((${#fuzzers[@]} - bad)) "$bad" "executions: $remark"
}

# Uses the clang build's tree, for its compile commands.
check_tidy() {
    local tree=build/test-clang arguments left_out
    choose_arguments clang
    if (configure $tree -G Ninja -DCHAT_TESTS=ON "${arguments[@]}" && build $tree --target tidy); then
        result tidy 1 0
    else
        result tidy 0 1 "the differences from tests/tidy/expected.txt are above"
    fi
}

check_tidy_all() {
    local clang tree=build/test-tidy others=-cppcoreguidelines-no-suspend-with-lock,-misc-coroutine-hostile-raii
    clang=$(clang_version)
    if (configure $tree -G Ninja -DCHAT_TESTS=ON -DCMAKE_CXX_COMPILER=clang++-"$clang" -DCHAT_WERROR=ON) &&
        sources | grep '\.cpp$' | grep -E '^(server|client)/' | grep -v /prebuilt/ |
        xargs -P "$(parallel_jobs)" -n 1 clang-tidy-"$clang" -p $tree --quiet --checks=$others --warnings-as-errors='*'; then
        result tidy-all 1 0
    else
        result tidy-all 0 1
    fi
}

if [ -n "$setup" ]; then
    title "Set up"
    needed='test'
    for part in "${parts[@]}"; do
        [[ $part == format || $part == gcc ]] || needed=test-all
    done
    scripts/setup.sh $needed
fi

for part in "${parts[@]}"; do
    title "Test: $part"
    part_start=$SECONDS
    case $part in
        format) check_format ;;
        builds) check_builds ;;
        fuzz) run_fuzzers ;;
        tidy) check_tidy ;;
        tidy-all) check_tidy_all ;;
        *) run_tests "$part" ;;
    esac
done

title "Summary"
say "${summary[@]}" "" "$passed passed, $failed failed"
[ "$failed" = 0 ]
