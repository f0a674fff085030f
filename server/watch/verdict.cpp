#include "server/watch/verdict.hpp"

namespace chat {

namespace {

verdict of_silence(const evidence& seen, const patience& limits) {
    if (seen.thread_state != 'R')
        return seen.waits_for_itself ? verdict::deadlock : verdict::blocked;
    // Ready to run, but the machine gives it no processor: that is not its fault.
    return seen.cpu >= limits.stall_after / 2 ? verdict::spinning : verdict::alive;
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
