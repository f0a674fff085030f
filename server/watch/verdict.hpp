// Decides what is wrong with the loop, from what the watch thread sees of it. A pure function.
#pragma once

#include "server/watch/health.hpp"

#include <chrono>

namespace chat {

struct evidence {
    using duration = std::chrono::steady_clock::duration;

    duration unanswered{};         ///< age of the oldest unanswered probe; 0 if there is none
    duration silent{};             ///< for how long of that time no handler has ended
    bool moved = false;            ///< a handler has ended since the last look
    char thread_state = 'S';       ///< the loop's thread in /proc: R means running or ready to run
    duration cpu{};                ///< processor time that the thread used while silent
    bool waits_for_itself = false; ///< blocked on a lock whose holder took it on the same thread
    duration lock_stuck{};         ///< how long the chat lock was stuck while the loop was turning
};

struct patience {
    std::chrono::milliseconds stall_after;
    std::chrono::milliseconds starve_after;
};

/// Returns `alive` as long as the evidence proves nothing.
verdict judge(const evidence& seen, const patience& limits);

} // namespace chat
