// The tasks of lesson 2. Each has two turns: in the first it takes the lock and writes, in the second it
// learns that what it wrote was acknowledged. All share one mutex and one thread. A ledger notes each
// step, in memory that another process can read while this one is frozen.
#pragma once

#include "server/sync/async_mutex.hpp"
#include "server/sync/blocking_mutex.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <string_view>

namespace scheduler {

namespace asio = boost::asio;

enum class step { gets_lock, finds_it_taken, writes, releases, sleeps, wakes_up, is_done };

/// What happened so far. The process that runs the tasks writes, its parent reads.
struct ledger {
    struct entry {
        char task;
        step what;
    };

    std::atomic<char> asks{0};  // the task that has called lock() and has not got the lock
    std::atomic<char> holds{0}; // the task that has the lock
    std::atomic<bool> all_done{false};
    std::atomic<std::size_t> length{0};
    std::array<entry, 64> steps{};
    std::array<char, 128> mistake{}; // the first thing that a task did wrong

    void note(char task, step what) {
        if (length < steps.size()) {
            steps[length] = {task, what};
            ++length;
        }
    }

    void complain(char task, std::string_view what) {
        if (mistake[0] != 0)
            return;
        mistake[0] = task;
        std::ranges::copy(what.substr(0, mistake.size() - 2), mistake.begin() + 1);
    }
};

/// What either mutex calls, and so both keep the ledger.
struct observer {
    struct site {
        char task = '?';

        static constexpr site current() noexcept { return {}; }
    };

    ledger* book = nullptr;

    void waiting(const void* /*waiter*/, const site& at) noexcept {
        if (book->holds != 0)
            book->note(at.task, step::finds_it_taken);
        book->asks = at.task;
    }

    void acquired(const void* /*waiter*/, const site& at) noexcept {
        book->asks = 0;
        book->holds = at.task;
        book->note(at.task, step::gets_lock);
    }

    void abandoned(const void* /*waiter*/, const site&) noexcept {}

    void released() noexcept { book->note(book->holds.exchange(0), step::releases); }
};

using std_mutex = chat::basic_blocking_mutex<asio::any_io_executor, observer>;
using async_mutex = chat::basic_async_mutex<asio::any_io_executor, chat::concurrent, observer>;

template <class Mutex>
class worker {
public:
    worker(char name, asio::io_context& loop, Mutex& mutex, ledger& book)
        : name_{name}
        , alarm_{loop, asio::steady_timer::time_point::max()}
        , mutex_{mutex}
        , book_{book} {}

    /// `co_await me.lock()` gives the guard. With std_mutex, it blocks the thread while the lock is taken.
    auto lock() { return mutex_.lock({name_}); }

    /// Writes a message. Only with the lock.
    void write() {
        if (book_.holds != name_)
            book_.complain(name_, " writes without the lock");
        written_ = true;
        book_.note(name_, step::writes);
    }

    /// Suspends the task until its second turn.
    asio::awaitable<void> acknowledged() {
        if (!written_)
            book_.complain(name_, " waits for an acknowledgement before it has written");
        book_.note(name_, step::sleeps);
        co_await next_turn();
        acknowledged_ = true;
        book_.note(name_, step::wakes_up);
    }

    asio::awaitable<void> next_turn() {
        if (turns_ == 0)
            co_await alarm_.async_wait(asio::as_tuple(asio::use_awaitable)); // woken by cancelling
        --turns_;
    }

    /// The task's next turn is ready. A task that still waits for the lock takes the turn later.
    void wake() {
        ++turns_;
        alarm_.cancel();
    }

    void done() {
        if (!written_ || !acknowledged_)
            book_.complain(name_, " ends before its message is written and acknowledged");
        book_.note(name_, step::is_done);
    }

private:
    char name_;
    asio::steady_timer alarm_;
    Mutex& mutex_;
    ledger& book_;
    int turns_ = 0; // those that are ready and not yet taken
    bool written_ = false;
    bool acknowledged_ = false;
};

} // namespace scheduler
