#!/usr/bin/env bash
# Installs the Debian packages that this project needs, those that are missing and no others.
set -euo pipefail

build=(g++ cmake ninja-build libboost1.81-dev libspdlog-dev libcli11-dev prometheus-cpp-dev)
test=(doctest-dev python3 python3-websockets clang-19 libclang-rt-19-dev clang-format-19 clang-tidy-19
    chromium chromium-driver python3-selenium)
bench=(libbenchmark-dev valgrind)
bench_chat=(python3)
npm=(nodejs npm)
autopsy=(procps gdb strace valgrind clang-19 libclang-rt-19-dev clang-tidy-19)

usage() {
    cat <<END
Usage: scripts/setup.sh [demo|test|autopsy|bench|bench-chat] [--dry-run]

Installs with apt what is missing of the packages for
  demo        building and running (the default): ${build[*]}
  test        that, and the whole of scripts/test.sh: ${test[*]}
  autopsy     what demo needs, and the tools of scripts/autopsy.sh: ${autopsy[*]}
  bench       what demo needs, and scripts/bench.sh mutex: ${bench[*]}
  bench-chat  that, and scripts/bench.sh chat: ${bench_chat[*]} ${npm[*]}

  --dry-run   only say what would be installed
  --help      this text
END
}

die() {
    printf 'setup: %s\n' "$@" >&2
    exit 1
}

wanted=("${build[@]}")
dry_run=''
for argument in "$@"; do
    case $argument in
        demo) ;;
        test) wanted+=("${test[@]}") ;;
        autopsy) wanted+=("${autopsy[@]}") ;;
        bench) wanted+=("${bench[@]}") ;;
        bench-chat)
            wanted+=("${bench[@]}" "${bench_chat[@]}")
            # Node.js from elsewhere brings an npm of its own, with which Debian's conflicts.
            command -v npm >/dev/null || wanted+=("${npm[@]}")
            ;;
        --dry-run) dry_run=yes ;;
        --help | -h) usage && exit 0 ;;
        *) usage >&2 && exit 2 ;;
    esac
done

if ! command -v apt-get >/dev/null; then
    die "this system has no apt, so nothing was installed. The Debian 12 packages to find an equal of:" \
        "  ${wanted[*]}" \
        "that is: a C++20 compiler, CMake 3.25, Ninja, Boost 1.81 headers, spdlog 1.10, CLI11 2.1, prometheus-cpp 1.0 (and the tests' tools)." \
        "With them installed, run the scripts with --no-setup. docker/Dockerfile needs none of this."
fi

installed=$(dpkg-query --show --showformat='${db:Status-Abbrev}${Package}\n' "${wanted[@]}" 2>/dev/null || true)
missing=()
for package in "${wanted[@]}"; do
    [[ $'\n'$installed$'\n' == *$'\nii '"$package"$'\n'* ]] || missing+=("$package")
done

if [ ${#missing[@]} = 0 ]; then
    echo "setup: all ${#wanted[@]} packages are installed"
    exit 0
fi
echo "setup: of ${#wanted[@]} packages, ${#missing[@]} to install with apt: ${missing[*]}"
[ -z "$dry_run" ] || exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null ||
        die "that needs root, and there is no sudo. As root, run:" \
            "  apt-get update && apt-get install --no-install-recommends ${missing[*]}"
    echo "setup: with sudo, which may ask for your password"
    as_root=(sudo)
fi

apt() { # Answers no questions; waits for another apt instead of failing.
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 "$@"
}

# One broken third-party source must not stop the rest: what counts is whether the packages are known.
apt update -qq || echo "setup: apt-get update complained (above); going on with the lists that are here" >&2
unknown=()
for package in "${missing[@]}"; do
    apt-cache show --no-all-versions "$package" >/dev/null 2>&1 || unknown+=("$package")
done
if [ ${#unknown[@]} != 0 ]; then
    die "apt does not know: ${unknown[*]}" \
        "These are the names of Debian 12 (bookworm); this is $(sed -n 's/^PRETTY_NAME=//p' /etc/os-release)." \
        "Install their equals and use --no-setup, or build in a container: docker/Dockerfile."
fi

# True if the output is a terminal that can overwrite a line, and nobody asked for plain text.
can_overwrite() { [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; }

# Everything goes to the log; a terminal sees what is being done, on one line.
watch() {
    local line
    while IFS= read -r line; do
        printf '%s\n' "$line" >>"$log"
        case $line in
            Get:* | Unpacking* | 'Setting up'*) ! can_overwrite || printf '\r\033[Ksetup: %.60s' "$line" ;;
        esac
    done
    ! can_overwrite || printf '\r\033[K'
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! apt install -y -q --no-install-recommends "${missing[@]}" 2>&1 | watch; then
    tail -n 20 "$log" >&2
    die "apt-get install failed; its last lines are above"
fi
echo "setup: installed ${#missing[@]} packages in $SECONDS s"
