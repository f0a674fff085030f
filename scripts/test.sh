#!/usr/bin/env bash
# The test command: sets up, builds and runs all tests with both compilers and under the sanitizers.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

all_parts=(format gcc clang asan tsan fuzz tidy)
fuzzers=(protocol session-released session-across_await client)
fuzz_seconds=${CHAT_FUZZ_SECONDS:-60}

usage() {
    cat <<END
Usage: scripts/test.sh [--quick] [--no-setup] [-R REGEX] [PART...]

Sets up, builds and runs all tests. Without PART, these: ${all_parts[*]}

  format   clang-format-19 has nothing to change
  gcc      g++, Release, warnings are errors; also what Chromium shows of the live page
  clang    clang 19, unoptimised, warnings are errors; without the integration tests (unless -R names
           them), whose servers clang builds for asan and tsan, too
  asan     clang 19, AddressSanitizer and UndefinedBehaviorSanitizer
  tsan     clang 19, ThreadSanitizer
  fuzz     libFuzzer for $fuzz_seconds s (CHAT_FUZZ_SECONDS), all targets at once: ${fuzzers[*]}
  tidy     clang-tidy-19 finds the locks that are held across a suspension, and only the deliberate ones
  tidy-all clang-tidy-19 has nothing to say with the other checks of .clang-tidy (many minutes; only when named)

  --quick      the same as: gcc
  -R REGEX     only the tests whose name matches, as with ctest
  --no-setup   do not install missing packages
  --help       this text

The last line is "N passed, N failed": the tests of all builds; format, tidy and a build that fails
count as one each. Exits 0 only if nothing failed. The builds are in build/test-*.
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
        format | gcc | clang | asan | tsan | fuzz | tidy | tidy-all) parts+=("$1") ;;
        *) usage_error "unknown option or part '$1'" ;;
    esac
    shift
done
[ ${#parts[@]} != 0 ] || parts=("${all_parts[@]}")

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
    show_command clang-format-19 --dry-run --Werror 'FILE...'
    if sources | xargs clang-format-19 --dry-run --Werror; then
        result format 1 0
    else
        result format 0 1 "clang-format-19 -i FILE... repairs it"
    fi
}

# Sets `arguments` for CMake. Unity builds compile in half the time; g++'s is none, and so finds the header
# that a file forgot to include.
choose_arguments() {
    local unity=(-DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=4)
    local clang=(-DCMAKE_CXX_COMPILER=clang++-19 "${unity[@]}")
    case $1 in
        gcc) arguments=(-DCMAKE_CXX_COMPILER=g++ -DCHAT_WERROR=ON -DCHAT_BROWSER_TESTS=ON) ;;
        clang) arguments=("${clang[@]}" -DCHAT_WERROR=ON -DCMAKE_BUILD_TYPE=None) ;;
        # One tree for both: nothing is compiled twice.
        asan | fuzz) arguments=("${clang[@]}" -DCHAT_SANITIZE=address -DCHAT_FUZZ=ON) ;;
        tsan) arguments=("${clang[@]}" -DCHAT_SANITIZE=thread) ;;
    esac
}

run_tests() {
    local part=$1 tree=build/test-$1 arguments
    choose_arguments "$part"
    # In a subshell, so that a build that fails ends this part only.
    if ! (configure "$tree" -G Ninja -DCHAT_TESTS=ON "${arguments[@]}" && build "$tree"); then
        result "$part" 0 1 "the build failed: its tests did not run"
        return
    fi
    local log=$tree/ctest.log status=0 which=("${filter[@]}")
    if [ "$part" = clang ] && [ ${#filter[@]} = 0 ]; then which=(-LE integration); fi
    show_command ctest --test-dir "$tree" "${which[@]}"
    # Twice as many as there are processors: most tests wait for time-outs most of the time.
    ctest --test-dir "$tree" --output-on-failure --no-tests=error --parallel $((2 * $(nproc))) "${which[@]}" |
        tee "$log" || status=$?
    count_tests "$part" "$log" "$status"
}

# count_tests PART LOG STATUS: from ctest's "98% tests passed, 1 tests failed out of 50", which counts what
# was skipped as passed and leaves out what is disabled, and from its list of tests that did not run.
count_tests() {
    local bad=0 total=0 not_run skipped remark=''
    read -r bad total < <(sed -n 's/^[0-9]*% tests passed, \([0-9]*\) tests failed out of \([0-9]*\).*/\1 \2/p' "$2" | tail -n 1) || true
    not_run=$(sed -n 's/^[[:space:]]*[0-9]* - \([^ ]* (\(Skipped\|Disabled\))\)$/\1/p' "$2")
    skipped=$(grep -c '(Skipped)$' <<<"$not_run" || true)
    [ -z "$not_run" ] || remark="NOT RUN: ${not_run//$'\n'/, }"
    # The worst must not look good: a ctest that failed without a count has failed once.
    if [ "$3" != 0 ] && [ "${bad:-0}" = 0 ]; then bad=1 total=$((${total:-0} + 1)); fi
    result "$1" $((${total:-0} - ${bad:-0} - skipped)) "${bad:-0}" "$remark"
}

# Those that still run: a shell's background jobs do not hear Ctrl-C.
fuzzer_pids=()

end_fuzzers() {
    [ ${#fuzzer_pids[@]} != 0 ] || return 0
    kill "${fuzzer_pids[@]}" 2>/dev/null || true
    wait "${fuzzer_pids[@]}" || true
}
trap end_fuzzers EXIT # instead of stop_server: no server is started here

# Each target counts as one. An input that breaks it stays in the tree, and is named.
run_fuzzers() {
    local tree=build/test-asan arguments fuzzer corpus log bad=0 executions remark=''
    choose_arguments fuzz
    if ! (configure $tree -G Ninja -DCHAT_TESTS=ON "${arguments[@]}" && build $tree --target fuzzers); then
        result fuzz 0 1 "the build failed: nothing was fuzzed"
        return
    fi
    for fuzzer in "${fuzzers[@]}"; do
        # What is found is kept there, and tried first the next time.
        mkdir -p "$tree/fuzz-found/$fuzzer"
        corpus=tests/fuzz/corpus/${fuzzer/#session-*/session} # both builds have the same
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

# In the clang build's tree; nothing has to be built for it.
check_tidy() {
    local tree=build/test-clang arguments
    choose_arguments clang
    if (configure $tree -G Ninja -DCHAT_TESTS=ON "${arguments[@]}" && build $tree --target tidy); then
        result tidy 1 0
    else
        result tidy 0 1 "what was found or missed is above; expected: tests/tidy/expected.txt"
    fi
}

check_tidy_all() {
    local tree=build/test-tidy others=-cppcoreguidelines-no-suspend-with-lock,-misc-coroutine-hostile-raii
    if (configure $tree -G Ninja -DCHAT_TESTS=ON -DCMAKE_CXX_COMPILER=clang++-19 -DCHAT_WERROR=ON) &&
        sources | grep '\.cpp$' | grep -E '^(server|client)/' | grep -v /prebuilt/ |
        xargs -P "$(parallel_jobs)" -n 1 clang-tidy-19 -p $tree --quiet --checks=$others --warnings-as-errors='*'; then
        result tidy-all 1 0
    else
        result tidy-all 0 1
    fi
}

if [ -n "$setup" ]; then
    title "Set up"
    scripts/setup.sh test
fi

for part in "${parts[@]}"; do
    title "Test: $part"
    part_start=$SECONDS
    case $part in
        format) check_format ;;
        fuzz) run_fuzzers ;;
        tidy) check_tidy ;;
        tidy-all) check_tidy_all ;;
        *) run_tests "$part" ;;
    esac
done

title "Summary"
say "${summary[@]}" "" "$passed passed, $failed failed"
[ "$failed" = 0 ]
