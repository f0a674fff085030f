#!/usr/bin/env bash
# Installs the packages that this project needs and that are not installed yet. Package names and versions
# depend on the release: Debian 12, 13 and testing, Ubuntu 24.04.
set -euo pipefail

# `boost`, `clang` and `clang-tidy` have different names in each release: see choose_boost and choose_clang.
# A release may lack the optional packages. The tests then list what they could not run.
build=(g++ cmake ninja-build boost libspdlog-dev libcli11-dev prometheus-cpp-dev)
test=(doctest-dev libsqlite3-dev python3 python3-websockets)
test_optional=(libabsl-dev clang-format-19 clang-tidy chromium chromium-driver python3-selenium)
test_all=(clang libbenchmark-dev)
bench=(libbenchmark-dev valgrind)
bench_chat=(python3)
npm=(nodejs npm)
autopsy=(procps gdb strace valgrind clang clang-tidy)

usage() {
    cat <<END
Usage: scripts/setup.sh [demo|test|test-all|autopsy|bench|bench-chat] [--dry-run]

Installs with apt the packages that are missing for
  demo        building and running (the default): ${build[*]}
  test        demo, and scripts/test.sh: ${test[*]} ${test_optional[*]}
  test-all    test, and scripts/test.sh all: ${test_all[*]}
  autopsy     demo, and the tools of scripts/autopsy.sh: ${autopsy[*]}
  bench       demo, and scripts/bench.sh mutex: ${bench[*]}
  bench-chat  bench, and scripts/bench.sh chat: ${bench_chat[*]} ${npm[*]}

boost is the installed Boost, if it is 1.81 or newer. Otherwise it is libboost-dev, if the release's version
is 1.81 or newer, or libboost1.81-dev. clang is clang-19 and its runtime, or the newest version in the
release.

  --dry-run   only show what would be installed, according to the package lists on this machine
  --help      show this text
END
}

say() { printf 'setup: %s\n' "$@"; }

die() {
    say "$@" >&2
    exit 1
}

required=("${build[@]}") optional=() dry_run=''
for argument in "$@"; do
    case $argument in
        demo) ;;
        test) required+=("${test[@]}") optional=("${test_optional[@]}") ;;
        test-all) required+=("${test[@]}" "${test_all[@]}") optional=("${test_optional[@]}") ;;
        autopsy) required+=("${autopsy[@]}") ;;
        bench) required+=("${bench[@]}") ;;
        bench-chat)
            required+=("${bench[@]}" "${bench_chat[@]}")
            # Debian's npm conflicts with the npm of a Node.js that was not installed from Debian.
            command -v npm >/dev/null || required+=("${npm[@]}")
            ;;
        --dry-run) dry_run=yes ;;
        --help | -h) usage && exit 0 ;;
        *) usage >&2 && exit 2 ;;
    esac
done

system=$(sed -n 's/^PRETTY_NAME="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' /etc/os-release 2>/dev/null || true)
system=${system:-this system}

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    die "$system has no apt, so nothing was installed. Install the equivalents of these Debian packages:" \
        "  ${required[*]} ${optional[*]}" \
        "that is: a C++20 compiler, CMake 3.25, Ninja, Boost 1.81 headers, spdlog 1.10, CLI11 2.1, prometheus-cpp 1.0 (and the tests' tools)." \
        "Then run the scripts with --no-setup. docker/Dockerfile builds without these packages."
fi

# ---- Installed packages, and packages in the release

# Prints the version that apt would install; empty if there is none. (apt-cache show also succeeds for names
# that other packages merely mention.)
candidate() {
    LC_ALL=C apt-cache policy "$1" 2>/dev/null | sed -n '/(none)/!s/^  Candidate: //p'
}

is_installed() { [[ $installed == *$'\n'"$1 "* ]]; }

is_new_enough() { [ -n "$1" ] && dpkg --compare-versions "$1" ge 1.81; }

# Sets `boost`. All versions of the Boost headers conflict, so an installed version that is new enough must
# stay. Debian 12's libboost-dev is 1.74, whose coroutines do not work here.
choose_boost() {
    local package version
    old_boost=''
    while read -r package version; do
        [[ $package =~ ^libboost([0-9.]+)?-dev$ ]] || continue
        if is_new_enough "$version"; then
            boost=$package
            return
        fi
        old_boost=$version
    done <<<"$installed"
    if is_new_enough "$(candidate libboost-dev)"; then boost=libboost-dev; else boost=libboost1.81-dev; fi
}

# True if the release has this version of clang, with the sanitizer runtime and clang-tidy.
has_clang() {
    local part
    for part in clang-"$1" libclang-rt-"$1"-dev clang-tidy-"$1"; do
        is_installed "$part" || [ -n "$(candidate "$part")" ] || return 1
    done
}

# Sets `clang` to version 19, or to the newest if the release does not have 19.
choose_clang() {
    clang=19
    ! has_clang 19 || return 0
    local version
    for version in $(apt-cache search --names-only '^clang-[0-9]+$' | sed 's/^clang-\([0-9]*\) .*/\1/' | sort -rn); do
        has_clang "$version" || continue
        clang=$version
        break
    done
}

# packages_for NAME...: sets `packages` to the names of these packages in this release.
packages_for() {
    local name
    packages=()
    for name; do
        case $name in
            boost) packages+=("$boost") ;;
            clang) packages+=(clang-"$clang" libclang-rt-"$clang"-dev) ;;
            clang-tidy) packages+=(clang-tidy-"$clang") ;;
            *) packages+=("$name") ;;
        esac
    done
}

# Sets `missing`, `unknown` (missing packages that apt does not know) and `absent` (optional packages that the
# release lacks).
examine() {
    local package
    installed=$'\n'$(dpkg-query --show --showformat='${db:Status-Abbrev}${Package} ${Version}\n' | sed -n 's/^.i //p')$'\n'
    missing=() unknown=() absent=()
    choose_boost
    [[ " ${required[*]} ${optional[*]} " != *' clang'* ]] || choose_clang
    packages_for "${required[@]}"
    needed=${#packages[@]}
    for package in "${packages[@]}"; do
        ! is_installed "$package" || continue
        missing+=("$package")
        [ -n "$(candidate "$package")" ] || unknown+=("$package")
    done
    packages_for "${optional[@]}"
    for package in "${packages[@]}"; do
        if is_installed "$package"; then
            needed=$((needed + 1))
        elif [ -n "$(candidate "$package")" ]; then
            needed=$((needed + 1))
            missing+=("$package")
        else
            absent+=("$package")
        fi
    done
}

has_lists() { compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null; }

say_what_is_absent() {
    [ ${#absent[@]} = 0 ] || say "$system has no package for: ${absent[*]}; the tests list what cannot run without them"
}

# ---- Install

examine
if [ -n "$dry_run" ]; then
    has_lists || say "this machine has no package lists yet (run apt-get update), so the names are a guess"
    say_what_is_absent
    say "of $needed packages, ${#missing[@]} to install with apt: ${missing[*]:-nothing}"
    [ ${#unknown[@]} = 0 ] || say "apt does not know: ${unknown[*]}"
    exit 0
fi
if [ ${#missing[@]} = 0 ] && { [ ${#absent[@]} = 0 ] || has_lists; }; then
    say_what_is_absent
    say "all $needed packages are installed"
    exit 0
fi

as_root=()
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null ||
        die "installing packages requires root, and sudo is not installed. As root, run:" \
            "  apt-get update && apt-get install --no-install-recommends ${missing[*]} ${absent[*]}"
    say "using sudo, which may ask for your password"
    as_root=(sudo)
fi

# Runs apt-get. It asks no questions, and waits for another running apt instead of failing.
apt() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 "$@"
}

# A broken third-party source must not stop the installation, as long as apt knows the packages.
apt update -qq || say "apt-get update failed (see above); continuing with the existing package lists" >&2
examine # again, because the names depend on the updated lists
say_what_is_absent
if [ ${#unknown[@]} != 0 ]; then
    die "apt does not know: ${unknown[*]}" \
        "This is $system; the names are from Debian 12 and newer, and Ubuntu 24.04." \
        "Install equivalents and use --no-setup, or build in a container: docker/Dockerfile."
fi
say "of $needed packages, ${#missing[@]} to install with apt: ${missing[*]:-nothing}"
if [[ -n $old_boost && " ${missing[*]} " == *" $boost "* ]]; then
    say "Boost $old_boost is too old. apt will remove its headers, because only one version can be installed"
fi

# True if the output is a terminal that can overwrite a line, and plain text was not requested.
can_overwrite() { [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; }

# Writes everything to the log, and shows progress on one line if the output is a terminal.
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
say "installed ${#missing[@]} packages in $SECONDS s"
