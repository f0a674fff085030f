// Watches the loop from the watch thread, which keeps running when the loop freezes. Posts probes to the
// loop, reads the ledgers of its locks, and writes a report if something is wrong. Also handles the
// signals, so that Ctrl-C ends a frozen server. Never takes the chat lock.
#pragma once

#include "server/loop/loop_executor.hpp"
#include "server/numbers/histogram.hpp"
#include "server/sync/lock_ledger.hpp"
#include "server/watch/health.hpp"
#include "server/watch/session_names.hpp"
#include "server/watch/stall_report.hpp"
#include "server/watch/thread_view.hpp"
#include "server/watch/verdict.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
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

    static constexpr int exit_frozen = 3;

    /// Construct it on the loop's thread, before the watch thread runs `watch`. The first ledger
    /// belongs to the chat lock.
    loop_monitor(asio::io_context& watch, loop_executor loop,
                 std::vector<const lock_ledger*> ledgers, const session_names& names, settings how);

    /// Call it only after the watch thread has ended.
    ~loop_monitor();

    loop_monitor(const loop_monitor&) = delete;
    loop_monitor& operator=(const loop_monitor&) = delete;

    // --- On the watch thread ---

    [[nodiscard]] chat::health health() const;

    /// How long the current probe has been unanswered; 0 if it is answered.
    [[nodiscard]] std::chrono::nanoseconds unanswered() const;

    /// The last stall report, as JSON. Its stack is null until its functions are named.
    [[nodiscard]] const std::optional<std::string>& last_report() const { return last_report_; }

    /// How many reports had this verdict.
    [[nodiscard]] std::uint64_t reports(verdict which) const {
        return reports_[static_cast<std::size_t>(which)];
    }

    /// How long the loop took to answer probes, including those that a stall prevented.
    [[nodiscard]] const histogram& lag() const { return lag_; }

private:
    using clock = std::chrono::steady_clock;

    // A question that the loop answers when it turns. The posted handler shares it, because that
    // handler may outlive the monitor.
    struct probe {
        std::atomic<clock::rep> answered_at{0}; // 0: unanswered
    };

    // A report whose stack is not named yet.
    struct unnamed_report {
        std::uint64_t number;
        stall_report report;
        std::vector<void*> stack;
    };

    [[nodiscard]] bool owes_answer() const;
    [[nodiscard]] clock::duration period() const;
    void schedule();
    void tick();
    void ask(clock::time_point now);
    void take_answer(clock::time_point now);
    void excuse(clock::duration lost, clock::time_point now);
    [[nodiscard]] evidence look(clock::time_point now);
    [[nodiscard]] const lock_ledger* ledger_of_deadlock() const;
    void act(verdict found, clock::time_point now);
    void recover(clock::time_point now);
    void report(verdict found, clock::time_point now);
    void publish_with_stack(stall_report complete);
    void name_on_another_thread();
    void publish(const stall_report& complete);
    void give_up_shutdown(clock::time_point now);
    void await_signal();
    void on_signal(int number);
    [[nodiscard]] bool seems_frozen() const;

    loop_executor loop_;
    std::vector<const lock_ledger*> ledgers_;
    const session_names& names_;
    settings how_;
    thread_view thread_;
    asio::steady_timer timer_;
    asio::signal_set signals_;

    std::shared_ptr<probe> probe_ = std::make_shared<probe>();
    clock::time_point asked_at_{};
    bool answered_ = false;

    // When the loop's thread was last seen to end a handler, or last got a probe, and the thread's
    // counters at that time.
    clock::time_point moved_at_{};
    std::uint64_t handlers_then_ = 0;
    std::chrono::nanoseconds cpu_then_{};
    std::uint64_t handlers_when_asked_ = 0;
    clock::time_point turning_since_{}; // moved forward by the times excused: see excuse()

    verdict verdict_ = verdict::alive; // of the current problem
    clock::time_point unhealthy_since_{};
    std::optional<clock::time_point> shutdown_deadline_; // set at the first signal

    std::optional<std::string> last_report_;
    clock::time_point logged_at_{};
    verdict logged_verdict_ = verdict::alive;
    std::array<std::uint64_t, 6> reports_{};
    histogram lag_;
    std::uint64_t newest_report_ = 0; // the newest report's number
    std::optional<unnamed_report> unnamed_;
    std::thread namer_; // the thread that names a stack
};

} // namespace chat
