// What is wrong, in the words of the program: who holds the lock and sleeps in which line, who waits,
// where the loop's thread is, why it cannot go on and what to do. Made on the watch thread from a
// copy of the ledger; printed as JSON for machines and as prose for people.
#pragma once

#include "server/sync/lock_ledger.hpp"
#include "server/watch/health.hpp"
#include "server/watch/session_names.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace chat {

struct stall_report {
    using milliseconds = std::chrono::milliseconds;

    /// A task that has to do with the lock.
    struct party {
        std::uint64_t session; ///< 0: it is no client's
        std::string name;      ///< of the client
        std::string task;
        std::string at; ///< file:line in which it asked for the lock
        milliseconds since;

        /// `say, session 1 "alice"`
        [[nodiscard]] std::string label() const;
    };

    struct holder : party {
        std::string suspended_at; ///< file:line, empty when it runs
        std::string awaiting;
        bool blocks_threads;
    };

    struct thread {
        pid_t id = 0;
        char state = '?';
        std::optional<std::vector<std::string>> stack; ///< innermost first; none: not named yet
    };

    chat::verdict verdict{};
    milliseconds stalled{}; ///< for so long already
    thread loop;
    milliseconds cpu{};       ///< that its thread used meanwhile
    std::uint64_t handlers{}; ///< that ended meanwhile
    std::optional<holder> held_by;
    std::vector<party> waiters; ///< the first of those who wait, in their order
    std::size_t waiting = 0;    ///< all of them
    std::vector<std::string> cycle;
    std::string explanation;
    std::string fix;
};

/// What the watch thread knows when it writes a report.
struct stall_facts {
    chat::verdict verdict;
    std::chrono::steady_clock::time_point now;
    stall_report::milliseconds stalled;
    stall_report::thread loop;
    stall_report::milliseconds cpu;
    std::uint64_t handlers;
};

stall_report make_report(const stall_facts& facts, const lock_snapshot& lock,
                         const session_names& names);

std::string to_json(const stall_report& report);

/// At most 100 columns wide and some 30 lines long; of a report whose stack is named. `colour`: for a terminal.
std::string to_prose(const stall_report& report, bool colour);

} // namespace chat
