# shellcheck shell=bash disable=SC2154 # the variables of scripts/autopsy.sh, which sources this
# Which of the five facts a tool's output names, and the table of results. Line
# numbers are looked up in the source, so the score stays right when lines move.

rows=() # of the table, one per tool

# judge TOOL LOG REMARK [SOURCE]: scores LOG. A tool may name the waiter and the holder as threads or as tasks.
judge() {
    local log=$2 source=${4:-server/chat/room.cpp}
    local holder='task<> room::say' waiter='task<> room::fan_out' lock='messages.lock(' await='co_await from->reply'
    if [[ $source == */stand_in.cpp ]]; then
        holder='awaitable<void> say' waiter='awaitable<void> fan_out' lock='lock{mutex}' await='co_await'
    fi
    local locked_at asleep_at lines
    locked_at=$(line_in "$source" "$holder" "$lock") asleep_at=$(line_in "$source" "$holder" "$await")
    [[ -n $locked_at && -n $asleep_at ]] || die "$source no longer has the lines that this script looks for"
    lines=$(grep -oE "${source##*/}:[0-9]+" "$log" | cut -d: -f2 | sort -un || true)

    local waits=no holds=no acquired=no suspended=no wrong=no
    ! says 'futex_|futex\(|pthread_mutex_lock|EDEADLK' || waits=thread
    ! says 'room::fan_out|task=fan_out|\bfan_out\(' || waits=task
    ! shows_body_of "$waiter" || waits=task
    ! says 'owner [1-9]|what it owns|still holds|^0x[0-9a-f]+:([[:space:]]+[0-9]+){2}[[:space:]]+[1-9]' || holds=thread
    ! says 'room::say|task=say|\bsay\(' || holds=task
    ! shows_body_of "$holder" || holds=task
    ! shows_line "$locked_at" || acquired=yes
    ! shows_line "$asleep_at" || suspended=yes
    ! says '[Dd]eadlock|DEADLOCK|[Rr]ecursive locking|across a suspension|suspended with lock' || wrong=yes
    verdict "$1" "$3" $waits $holds $acquired $suspended $wrong
}

# could_not TOOL WHY: records that the tool did not run, which is not the same as a tool that sees nothing.
could_not() {
    say "${red}$1 could not run here:${plain} $2"
    rows+=("$(printf '  %-25sdid not run: %s' "$1" "$2")")
}

# verdict TOOL REMARK CELL...: prints the score in words and adds a row to the table.
verdict() {
    local tool=$1 remark=$2 named='' missing='' what cell row colour
    row=$(printf '%-25s' "$tool")
    shift 2
    for what in 'who waits' 'who holds' 'acquired at' 'suspended at' 'that it is wrong'; do
        cell=$1 colour=$green
        shift
        case $cell in
            no) missing+=", $what" colour=$dim ;;
            thread) named+=", $what (the thread)" missing+=", $what (the task)" colour='' ;;
            *) named+=", $what" ;;
        esac
        row+=$(printf '%s%-14s%s' "$colour" "$cell" "$plain")
    done
    named=${named#, } missing=${missing#, }
    say "${green}Names:${plain} ${named:-nothing}." "${red}Does not name:${plain} ${missing:-nothing}." "$remark"
    rows+=("  $row")
}

print_table() {
    printf '  %-25s%-14s%-14s%-14s%-14s%s\n' tool "who waits" "who holds" "acquired at" "suspended at" "it is wrong"
    say "${rows[@]}"
}

# ---- Helpers of judge, which read its variables: true if the log has those words, that line, a line of that function.

says() { grep -qE "$1" "$log"; }

shows_line() { grep -qx "$1" <<<"$lines"; }

shows_body_of() { # FUNCTION
    local first last
    first=$(line_in "$source" "$1" "$1") last=$(line_in "$source" "$1")
    awk -v a="$first" -v b="$last" '$1 >= a && $1 <= b { found = 1 } END { exit !found }' <<<"$lines"
}

# line_in SOURCE FUNCTION [WORDS]: prints the number of the line with WORDS in FUNCTION's body. Without WORDS: the last line.
line_in() {
    awk -v name="$2" -v words="${3:-}" '
        index($0, name) && /\{$/ { inside = 1 }
        inside && words != "" && index($0, words) { print NR; exit }
        inside && /^}/ { if (words == "") print NR; exit }' "$1"
}
