#include "server/watch/verdict.hpp"

namespace chat {

namespace {

// The state is of one moment, so it is asked last: who computes may sleep just then, for a page or a
// line of the log.
verdict of_silence(const evidence& seen, const patience& limits) {
    if (seen.waits_for_itself)
        return verdict::deadlock;
    if (seen.cpu >= limits.stall_after / 2)
        return verdict::spinning;
    // Ready to run, but the machine gives it no processor: that is not its fault.
    return seen.thread_state == 'R' ? verdict::alive : verdict::blocked;
}

} // namespace

verdict judge(const evidence& seen, const patience& limits) {
    if (seen.silent >= limits.stall_after)
        return of_silence(seen, limits);
    // Not when the handlers ended a while ago: then the loop may have just begun to be silent.
    if (seen.unanswered >= limits.stall_after)
        return seen.moved ? verdict::congested : verdict::alive;
    return seen.lock_stuck >= limits.starve_after ? verdict::starved : verdict::alive;
}

} // namespace chat
