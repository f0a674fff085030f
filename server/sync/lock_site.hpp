// Which task asks for a lock, and from which line. The mutex passes it to its ledger.
#pragma once

#include <cstdint>
#include <source_location>

namespace chat {

/// `co_await mutex.lock({"say", from->id()})` records the line of the call. Not an aggregate, and
/// trivially destructible, so that g++ 12 can create one inside a co_await expression.
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

    const char* task;      ///< a string literal, empty if not given
    std::uint64_t session; ///< 0 if the task does not belong to a client
    std::source_location where;
    bool brief; ///< the hold is shorter than reading the clock twice, so only a sample is timed
};

} // namespace chat
