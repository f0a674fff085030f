// From what the watch thread can see of the loop, what is wrong with it. A pure function.
#pragma once

#include "server/watch/health.hpp"

#include <chrono>

namespace chat {

struct evidence {
    using duration = std::chrono::steady_clock::duration;

    duration unanswered{};         ///< how long the loop owes an answer to a probe; 0: it owes none
    duration silent{};             ///< how much of that no handler has ended
    bool moved = false;            ///< a handler has ended since the last look
    char thread_state = 'S';       ///< of the loop's thread, as in /proc: R runs or is ready to
    duration cpu{};                ///< processor time that it used while silent
    bool waits_for_itself = false; ///< blocks on a lock whose holder took it on the same thread
    duration lock_stuck{};         ///< how long the chat lock stood still while the loop turned
};

struct patience {
    std::chrono::milliseconds stall_after;
    std::chrono::milliseconds starve_after;
};

/// `alive` also when nothing can be said yet.
verdict judge(const evidence& seen, const patience& limits);

} // namespace chat
