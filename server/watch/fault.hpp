// Makes the loop ill on purpose, for tests and lessons: one fault for each verdict but `starved`,
// which takes a reader that does not read.
#pragma once

#include "server/sync/loop_executor.hpp"

namespace chat {

class lock_ledger;

enum class fault {
    none,
    deadlock, ///< a task sleeps with a std::mutex locked, another one locks it: for ever
    sleep,    ///< a handler blocks the thread for two seconds
    hang,     ///< the same for an hour
    spin,     ///< a handler computes for two seconds
    flood,    ///< two thousand handlers of a millisecond each are ready at once
};

/// Completes when the loop is well again, if ever. `ledger`: of a lock of its own.
task<> provoke(fault which, lock_ledger& ledger);

} // namespace chat
