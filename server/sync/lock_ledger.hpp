// Records which task holds a lock and which tasks wait for it, since when, from which lines, and
// where the holder is suspended. In: the events of the mutex (through lock_observer), and the
// tasks' announcements of what they are about to await. Out: a copy, for the watch thread. The
// watch thread never touches the chat lock itself.
#pragma once

#include "server/numbers/histogram.hpp"
#include "server/sync/lock_site.hpp"
#include "server/sync/sequence_lock.hpp"

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

/// What a task waits for while it holds the lock.
struct lock_suspension {
    std::source_location where;
    const char* awaiting;   ///< a string literal
    std::uint64_t whom = 0; ///< the session that it waits for, or 0
};

struct lock_holder {
    lock_site site;
    std::chrono::steady_clock::time_point since; ///< up to 10 ms too early for a brief hold
    pid_t thread;                                ///< Linux's number of the acquiring thread
    bool blocks_threads;                         ///< a waiter blocks its thread, not only its task
    std::optional<lock_suspension> suspended;
};

struct lock_waiter {
    lock_site site;
    std::chrono::steady_clock::time_point since;
    pid_t thread; ///< Linux's number of the thread that asked
    bool blocks_threads;
};

struct lock_snapshot {
    std::optional<lock_holder> holder;
    std::vector<lock_waiter> waiters; ///< the first ones, in arrival order
    std::size_t waiting = 0;          ///< how many there are in total
    histogram wait;
    histogram hold; ///< times only a sample of the brief holds, which stands for the next ones
};

/// True if the thread is blocked until the lock is released, and only a task of the same thread can
/// release it.
[[nodiscard]] bool waits_for_itself(pid_t thread, const lock_snapshot& lock);

/// Any thread may call any function at any time, except suspending().
///
/// Per-acquisition fields are written only by the current lock holder, so by one thread at a time.
/// The watch thread reads them under a sequence lock, which keeps an uncontended lock cheap. The
/// list of waiters is guarded by a std::mutex, although another std::mutex freezes the same loop.
/// That is right, because it is held only for a few stores and an occasional allocation, without a
/// suspension and without calling foreign code.
class lock_ledger {
public:
    using clock = std::chrono::steady_clock;

    // --- Called by the mutex, in this order for each waiter: see `unobserved` ---

    void waiting(const void* waiter, const lock_site& site, bool blocks_threads) noexcept;
    void acquired(const void* waiter, const lock_site& site, bool blocks_threads) noexcept;
    void abandoned(const void* waiter) noexcept;
    void released() noexcept;

    /// Called by a task of the session (0: of no session) that is about to sleep at the given line.
    /// All tasks that take the lock run on one thread, and only that thread may call this. Recorded
    /// only if the task is the holder, which means that it took the lock in the same function.
    void suspending(std::uint64_t session, const lock_suspension& at) noexcept;

    // --- Called by the watch thread ---

    /// Reads the holder first and the waiters a moment later. A task that gets the lock in between
    /// is in neither. If the lock is stuck, which is when reports are made, the two agree.
    [[nodiscard]] lock_snapshot snapshot(std::size_t max_waiters) const;

    /// Since when the lock has not changed hands: the start of the current hold or of the longest
    /// wait, whichever is earlier. Nothing if the lock is free.
    [[nodiscard]] std::optional<clock::time_point> stuck_since() const;

    /// The holder, if it took the lock on this thread and the lock blocks the threads that wait.
    [[nodiscard]] std::optional<lock_holder> held_by_this_thread() const;

private:
    struct queued {
        const void* waiter;
        lock_waiter what;
    };

    // A histogram that one thread updates in place while others read it.
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

    sequence_lock holds_; // guards the next four members
    relaxed<bool> held_;
    relaxed<lock_holder> holder_; // the current or the last holder
    times wait_;
    times hold_;
    // Used only by the current holder:
    enum class timing : std::uint8_t { whole, sample, none } timed_{};
    clock::time_point since_;
    clock::duration brief_time_{}; // the hold time of the last sample
    std::uint64_t brief_holds_ = 0;

    mutable std::mutex mutex_; // guards everything below
    std::deque<queued> waiters_;
};

/// What a taken lock blocks: the whole thread that asks for it, or only the task.
enum class who_waits { thread, task };

/// The observer policy of both mutexes: writes to a ledger, which must outlive the mutex.
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
