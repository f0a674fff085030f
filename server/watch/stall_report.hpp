// Explains a stall in terms of the program: which task holds the lock and at which line it sleeps,
// which tasks wait, where the loop's thread is, why it cannot continue, and how to fix that. Made
// on the watch thread from a copy of the ledger. Printed as JSON for machines and as prose for
// people.
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

    /// A task that holds the lock or waits for it.
    struct party {
        std::uint64_t session; ///< 0 if the task does not belong to a client
        std::string name;      ///< the client's name
        std::string task;
        std::string at;     ///< file:line where it asked for the lock
        milliseconds since; ///< how long it has held the lock or waited

        /// `say, session 1 "alice"`
        [[nodiscard]] std::string label() const;
    };

    struct holder : party {
        std::string suspended_at; ///< file:line, empty if it is running
        std::string awaiting;
        bool blocks_threads;
    };

    struct thread {
        pid_t id = 0;
        char state = '?';
        std::optional<std::vector<std::string>> stack; ///< innermost first; unset until named
    };

    chat::verdict verdict{};
    milliseconds stalled{}; ///< how long the stall has lasted
    thread loop;
    milliseconds cpu{};       ///< processor time that the thread used during the stall
    std::uint64_t handlers{}; ///< how many handlers ended during the stall
    std::optional<holder> held_by;
    std::vector<party> waiters; ///< the first ones, in arrival order
    std::size_t waiting = 0;    ///< how many there are in total
    std::vector<std::string> cycle;
    std::string explanation;
    std::string fix;
};

/// What the watch thread has observed when it makes a report.
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

/// Returns at most 100 columns and about 30 lines. The report's stack must be named. `colour` adds
/// the escape codes of a terminal.
std::string to_prose(const stall_report& report, bool colour);

} // namespace chat
