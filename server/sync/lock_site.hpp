// Who asks for a lock, and from which line: what a mutex tells its ledger.
#pragma once

#include <cstdint>
#include <source_location>

namespace chat {

/// `co_await mutex.lock({"say", from->id()})`: the line is that of the call. No aggregate, and
/// trivially destructible, so that g++ 12 can make one inside a co_await expression.
struct lock_site {
    lock_site(const char* of_task = "", std::uint64_t of_session = 0, // NOLINT(*-explicit-*)
              bool is_brief = false,
              std::source_location at = std::source_location::current()) noexcept
        : task{of_task}
        , session{of_session}
        , where{at}
        , brief{is_brief} {}

    static lock_site current(std::source_location at = std::source_location::current()) noexcept {
        return {"", 0, false, at};
    }

    const char* task;      ///< a literal; empty when nobody said
    std::uint64_t session; ///< 0: the task is no client's
    std::source_location where;
    bool brief; ///< will end sooner than the clock could be asked twice: the ledger times only some
};

} // namespace chat
