// Breaks the loop on purpose, for tests and lessons: one fault for each verdict except `starved`,
// which needs a client that does not read.
#pragma once

#include "server/loop/loop_executor.hpp"

namespace chat {

class lock_ledger;

enum class fault {
    none,
    deadlock, ///< permanent: a task sleeps with a std::mutex locked, and another locks it
    sleep,    ///< a handler blocks the thread for two seconds
    hang,     ///< a handler blocks the thread for an hour
    spin,     ///< a handler computes for two seconds
    flood,    ///< two thousand handlers of a millisecond each become ready at once
};

/// Completes when the loop has recovered, if it ever does. The ledger must not belong to another
/// lock.
task<> provoke(fault which, lock_ledger& ledger);

} // namespace chat
