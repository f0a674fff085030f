// Probes the loop and collects evidence for a verdict: answers, handlers that end, processor time, and how long the
// chat lock has been stuck. Does not judge the evidence. Watch thread only.
#pragma once

#include "server/loop/loop_executor.hpp"
#include "server/numbers/histogram.hpp"
#include "server/sync/lock_ledger.hpp"
#include "server/watch/thread_view.hpp"
#include "server/watch/verdict.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

namespace chat {

class loop_probe {
public:
    using clock = std::chrono::steady_clock;

    /// Construct it on the loop's thread. Posts the first question at once.
    loop_probe(loop_executor loop, const lock_ledger& chat_lock,
               std::chrono::milliseconds stall_after);

    /// Asks again. Call it only after an answer.
    void ask(clock::time_point now);

    /// Notes an answer that has arrived, and the lag that it shows.
    void take_answer(clock::time_point now);

    /// True if the last question has been answered and the answer was taken.
    [[nodiscard]] bool answered() const { return answered_; }

    /// Does not count this time against the loop: the watch thread itself was late, so the machine was busy
    /// or asleep.
    void forgive(clock::duration late, clock::time_point now);

    /// Collects everything except `waits_for_itself`, which needs the ledgers of all locks.
    [[nodiscard]] evidence look(clock::time_point now);

    /// How long the current question has been unanswered; 0 if it is answered.
    [[nodiscard]] clock::duration unanswered() const;

    /// True if the question is unanswered and the loop has ended no handler since.
    [[nodiscard]] bool has_not_moved() const;

    [[nodiscard]] clock::time_point asked_at() const { return asked_at_; }

    /// When the loop's thread last ended a handler, as far as the looks have shown.
    [[nodiscard]] clock::time_point moved_at() const { return moved_at_; }

    /// Since when the chat lock has been stuck, not counting time in which the loop was not running.
    [[nodiscard]] clock::time_point lock_stuck_since(clock::time_point now) const;

    /// Since the loop last moved.
    [[nodiscard]] std::chrono::nanoseconds cpu_used() const {
        return thread_.cpu_time() - cpu_then_;
    }

    [[nodiscard]] std::uint64_t handlers_since_asked() const {
        return thread_.handlers_ended() - handlers_when_asked_;
    }

    [[nodiscard]] const thread_view& thread() const { return thread_; }

    /// How long the loop took to answer, including questions that a stall prevented.
    [[nodiscard]] const histogram& lag() const { return lag_; }

    /// How often the watch looks and asks.
    [[nodiscard]] clock::duration period() const;

private:
    // Shared with the posted handler, which may outlive the probe.
    struct question {
        std::atomic<clock::rep> answered_at{0}; // 0: unanswered
    };

    void excuse(clock::duration lost, clock::time_point now);

    loop_executor loop_;
    const lock_ledger& chat_lock_;
    std::chrono::milliseconds stall_after_;
    thread_view thread_;
    std::shared_ptr<question> question_ = std::make_shared<question>();
    clock::time_point asked_at_{};
    bool answered_ = false;

    // When the loop's thread was last seen to end a handler, or was last asked, and its counters then.
    clock::time_point moved_at_{};
    std::uint64_t handlers_then_ = 0;
    std::chrono::nanoseconds cpu_then_{};
    std::uint64_t handlers_when_asked_ = 0;
    clock::time_point turning_since_; // moved forward by the times excused: see excuse()
    histogram lag_;
};

} // namespace chat
