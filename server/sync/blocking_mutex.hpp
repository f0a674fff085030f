// std::mutex behind the surface of the async mutex: `co_await m.lock()` gives a guard. It never
// suspends. When the mutex is taken it blocks the thread, and with it every coroutine that this
// thread would run: hold its guard across a co_await on a single-threaded loop and the loop
// freezes. That is its purpose here.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <mutex>
#include <utility>

namespace chat {

namespace asio = boost::asio;

/// Executor only names the coroutines that may await lock().
template <class Executor = asio::any_io_executor>
class basic_blocking_mutex {
public:
    using executor_type = Executor;

    template <class Other>
    struct rebind_executor {
        using other = basic_blocking_mutex<Other>;
    };

    /// Holds the lock; its destructor releases it. Must be released on the thread that took the
    /// lock.
    class [[nodiscard]] guard {
    public:
        guard() noexcept = default;

        bool owns_lock() const noexcept { return lock_.owns_lock(); }

        explicit operator bool() const noexcept { return owns_lock(); }

        /// Does nothing when nothing is held.
        void unlock() noexcept { lock_ = {}; }

    private:
        friend basic_blocking_mutex;

        explicit guard(std::unique_lock<std::mutex> lock) noexcept
            : lock_{std::move(lock)} {}

        std::unique_lock<std::mutex> lock_;
    };

    /// The executor (or execution context) is ignored: a blocked thread needs nobody to resume it.
    template <class ExecutorOrContext>
    explicit basic_blocking_mutex(const ExecutorOrContext&) noexcept {}

    basic_blocking_mutex(const basic_blocking_mutex&) = delete;
    basic_blocking_mutex& operator=(const basic_blocking_mutex&) = delete;

    /// Really calls std::mutex::lock, and so blocks the calling thread until the lock is free.
    asio::awaitable<guard, Executor> lock() { co_return guard{std::unique_lock{mutex_}}; }

    /// An empty guard when taken.
    guard try_lock() { return guard{std::unique_lock{mutex_, std::try_to_lock}}; }

private:
    std::mutex mutex_;
};

using blocking_mutex = basic_blocking_mutex<>;

} // namespace chat
