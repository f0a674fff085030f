// Watches the loop from the watch thread, which survives a freeze: probes the loop, judges what it sees, and
// reports what is wrong. Never takes the chat lock.
#pragma once

#include "server/loop/loop_executor.hpp"
#include "server/numbers/histogram.hpp"
#include "server/sync/lock_ledger.hpp"
#include "server/watch/health.hpp"
#include "server/watch/loop_probe.hpp"
#include "server/watch/session_names.hpp"
#include "server/watch/shutdown_watch.hpp"
#include "server/watch/stack_namer.hpp"
#include "server/watch/stall_report.hpp"
#include "server/watch/verdict.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace chat {

class loop_monitor {
public:
    struct settings {
        patience limits;
        bool exit_on_stall; ///< end the process with exit_frozen if the loop stalls
        std::chrono::milliseconds shutdown_time; ///< from the first signal
        /// Runs on the loop at the first SIGINT, SIGTERM or SIGHUP. Gets the deadline.
        std::function<void(std::chrono::steady_clock::time_point)> on_signal;
    };

    /// Construct it on the loop's thread, before the watch thread runs `watch`. The first of the ledgers is the
    /// chat lock's.
    loop_monitor(asio::io_context& watch, loop_executor loop,
                 std::vector<const lock_ledger*> ledgers, const session_names& names, settings how);

    loop_monitor(const loop_monitor&) = delete;
    loop_monitor& operator=(const loop_monitor&) = delete;

    // --- On the watch thread ---

    [[nodiscard]] chat::health health() const;

    /// How long the current probe has been unanswered; 0 if it is answered.
    [[nodiscard]] std::chrono::nanoseconds unanswered() const { return probe_.unanswered(); }

    /// The last stall report as JSON. Its stack is null at first, because naming it takes a moment.
    [[nodiscard]] const std::optional<std::string>& last_report() const { return last_report_; }

    /// How many reports had this verdict.
    [[nodiscard]] std::uint64_t reports(verdict which) const {
        return reports_[static_cast<std::size_t>(which)];
    }

    /// How long the loop took to answer probes, including those that a stall prevented.
    [[nodiscard]] const histogram& lag() const { return probe_.lag(); }

private:
    using clock = std::chrono::steady_clock;

    void schedule();
    void tick();
    [[nodiscard]] evidence look(clock::time_point now);
    [[nodiscard]] const lock_ledger* ledger_of_deadlock() const;
    void act(verdict found, clock::time_point now);
    void recover(clock::time_point now);
    void report(verdict found, clock::time_point now);
    [[nodiscard]] clock::time_point began_at(verdict found, const lock_snapshot& lock,
                                             clock::time_point now) const;
    [[nodiscard]] stall_facts facts_of(verdict found, clock::time_point now) const;
    void tell_with_stack(stall_report complete);
    void tell(const stall_report& complete);
    [[nodiscard]] bool seems_frozen() const;

    std::vector<const lock_ledger*> ledgers_;
    const session_names& names_;
    patience limits_;
    bool exit_on_stall_;
    asio::steady_timer timer_;
    loop_probe probe_;
    stack_namer namer_;
    shutdown_watch shutdown_;

    verdict verdict_ = verdict::alive; // of the current problem
    clock::time_point unhealthy_since_{};
    std::optional<std::string> last_report_;
    clock::time_point logged_at_{};
    verdict logged_verdict_ = verdict::alive;
    std::array<std::uint64_t, 6> reports_{};
};

} // namespace chat
