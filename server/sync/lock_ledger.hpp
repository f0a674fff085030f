// Who holds a lock, who waits for it, since when, from which lines, and where the holder sleeps. In:
// what the mutex tells (through lock_observer), and what a task is about to await. Out: a copy, for
// the watch thread. Of the chat lock, all that the watch thread ever touches.
#pragma once

#include "server/sync/lock_site.hpp"
#include "server/sync/sequence_lock.hpp"
#include "server/watch/histogram.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <source_location>
#include <vector>

#include <sys/types.h>

namespace chat {

/// What a task sleeps on, while it holds the lock.
struct lock_suspension {
    std::source_location where;
    const char* awaiting;   ///< a literal
    std::uint64_t whom = 0; ///< the session that it waits for, 0 for none
};

struct lock_holder {
    lock_site site;
    std::chrono::steady_clock::time_point since; ///< of a brief one up to 10 ms too early
    pid_t thread;                                ///< on which it was acquired (Linux's number)
    bool blocks_threads;                         ///< a waiter stops its thread, not only its task
    std::optional<lock_suspension> suspended;
};

struct lock_waiter {
    lock_site site;
    std::chrono::steady_clock::time_point since;
    pid_t thread; ///< which asked
    bool blocks_threads;
};

struct lock_snapshot {
    std::optional<lock_holder> holder;
    std::vector<lock_waiter> waiters; ///< the first ones, in the order in which they came
    std::size_t waiting = 0;          ///< all of them
    histogram wait;
    histogram hold; ///< of brief ones a sample is timed, and stands for those that follow it
};

/// Whether that thread blocks until the lock is released, and nobody but a task of that thread can
/// release it.
[[nodiscard]] bool waits_for_itself(pid_t thread, const lock_snapshot& lock);

/// Any thread may call any of this at any time, but for suspending().
///
/// What is written with every hold is written by who has the lock that this is about, so by one at a
/// time: the watch thread reads it under a sequence lock, and a free lock stays cheap. For who waits,
/// std::mutex is right, on the very loop that another std::mutex freezes: it is held for a few
/// stores (and now and then an allocation), without a suspension or anybody else's code in between.
class lock_ledger {
public:
    using clock = std::chrono::steady_clock;

    // --- As the mutex tells it, in this order for each waiter; see `unobserved` ---

    void waiting(const void* waiter, const lock_site& site, bool blocks_threads) noexcept;
    void acquired(const void* waiter, const lock_site& site, bool blocks_threads) noexcept;
    void abandoned(const void* waiter) noexcept;
    void released() noexcept;

    /// A task of that session (0: of none) is about to sleep in that line; the task itself says so,
    /// on the thread on which all that take the lock run. Kept if it is the holder: if it took the
    /// lock in the same function.
    void suspending(std::uint64_t session, const lock_suspension& at) noexcept;

    // --- As the watch thread asks ---

    /// The holder is read first, the waiters a moment later, so that who was handed the lock between
    /// the two is in neither; of a lock that is stuck, which reports are about, the two agree.
    [[nodiscard]] lock_snapshot snapshot(std::size_t max_waiters) const;

    /// Since when the lock has not changed hands though it should: the start of the hold, or of the
    /// longest wait; nothing when it is free.
    [[nodiscard]] std::optional<clock::time_point> stuck_since() const;

    /// The holder, if a thread that waits for it would block, and if it took the lock on this thread.
    [[nodiscard]] std::optional<lock_holder> held_by_this_thread() const;

private:
    struct queued {
        const void* waiter;
        lock_waiter what;
    };

    // A histogram that is written in place while others read.
    class times {
    public:
        void record(std::chrono::nanoseconds time) noexcept;
        [[nodiscard]] histogram load() const noexcept;

    private:
        std::array<relaxed<std::uint64_t>, histogram::size> in_bucket_{};
        relaxed<std::uint64_t> sum_ns_{};
    };

    std::optional<clock::time_point> forget(const void* waiter) noexcept;
    [[nodiscard]] std::optional<lock_holder> holder() const;

    sequence_lock holds_; // for these four
    relaxed<bool> held_;
    relaxed<lock_holder> holder_; // of the present hold, or of the last
    times wait_;
    times hold_;
    // The holder's own:
    enum class timing : std::uint8_t { whole, sample, none } timed_{};
    clock::time_point since_;
    clock::duration brief_time_{}; // of the last sample
    std::uint64_t brief_holds_ = 0;

    mutable std::mutex mutex_; // guards all below
    std::deque<queued> waiters_;
};

/// Whom a taken lock makes wait.
enum class who_waits { thread, task };

/// The observer policy of both mutexes: writes to a ledger that outlives the mutex.
template <who_waits Who>
class lock_observer {
public:
    using site = lock_site;

    explicit lock_observer(lock_ledger& ledger) noexcept
        : ledger_{&ledger} {}

    void waiting(const void* waiter, const site& from) noexcept {
        ledger_->waiting(waiter, from, Who == who_waits::thread);
    }

    void acquired(const void* waiter, const site& from) noexcept {
        ledger_->acquired(waiter, from, Who == who_waits::thread);
    }

    void abandoned(const void* waiter, const site&) noexcept { ledger_->abandoned(waiter); }

    void released() noexcept { ledger_->released(); }

private:
    lock_ledger* ledger_;
};

} // namespace chat
