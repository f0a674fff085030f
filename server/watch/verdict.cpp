#include "server/watch/verdict.hpp"

namespace chat {

namespace {

// The thread's state is a snapshot, so it is checked last: a busy thread may be asleep at that
// instant, on a page fault or a log write.
verdict of_silence(const evidence& seen, const patience& limits) {
    if (seen.waits_for_itself)
        return verdict::deadlock;
    if (seen.cpu >= limits.stall_after / 2)
        return verdict::spinning;
    // A thread that is ready but gets no processor time is not at fault: the machine is overloaded.
    return seen.thread_state == 'R' ? verdict::alive : verdict::blocked;
}

} // namespace

verdict judge(const evidence& seen, const patience& limits) {
    if (seen.silent >= limits.stall_after)
        return of_silence(seen, limits);
    // Not if the last handler ended a while ago: the loop may have just gone silent.
    if (seen.unanswered >= limits.stall_after)
        return seen.moved ? verdict::congested : verdict::alive;
    return seen.lock_stuck >= limits.starve_after ? verdict::starved : verdict::alive;
}

} // namespace chat
