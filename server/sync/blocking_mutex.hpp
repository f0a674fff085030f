// std::mutex with the interface of the async mutex: `co_await m.lock()` returns a guard. It never
// suspends. If the mutex is taken it blocks the thread, and with it every coroutine of that thread.
// If its guard is held across a co_await on a single-threaded loop, the loop freezes. That is its
// purpose here.
#pragma once

#include "server/sync/async_mutex.hpp" // the observer policy

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <mutex>
#include <utility>

namespace chat {

/// Only coroutines on this Executor may await lock(). Observer: see basic_async_mutex.
template <class Executor = asio::any_io_executor, class Observer = unobserved>
class basic_blocking_mutex {
public:
    using executor_type = Executor;
    using site_type = typename Observer::site;

    template <class Other>
    struct rebind_executor {
        using other = basic_blocking_mutex<Other, Observer>;
    };

    /// Holds the lock. The destructor releases it. Must be released on the thread that took the
    /// lock, and must not outlive the mutex.
    class [[nodiscard]] guard {
    public:
        guard() noexcept = default;

        guard(guard&& other) noexcept
            : mutex_{std::exchange(other.mutex_, nullptr)} {}

        guard& operator=(guard&& other) noexcept {
            guard released{std::exchange(mutex_, std::exchange(other.mutex_, nullptr))};
            return *this;
        }

        ~guard() { unlock(); }

        bool owns_lock() const noexcept { return mutex_ != nullptr; }

        explicit operator bool() const noexcept { return owns_lock(); }

        /// Does nothing if the guard is empty.
        void unlock() noexcept {
            if (auto* held = std::exchange(mutex_, nullptr)) {
                held->observer_.released();
                held->mutex_.unlock();
            }
        }

    private:
        friend basic_blocking_mutex;

        explicit guard(basic_blocking_mutex* held) noexcept
            : mutex_{held} {}

        basic_blocking_mutex* mutex_ = nullptr;
    };

    /// Ignores the executor or execution context: no executor resumes a blocked thread.
    template <class ExecutorOrContext>
    explicit basic_blocking_mutex(const ExecutorOrContext&, Observer observer = {}) noexcept
        : observer_{std::move(observer)} {}

    basic_blocking_mutex(const basic_blocking_mutex&) = delete;
    basic_blocking_mutex& operator=(const basic_blocking_mutex&) = delete;

    /// Calls std::mutex::lock() and so blocks the calling thread until the lock is free.
    asio::awaitable<guard, Executor> lock(site_type site = site_type::current()) {
        observer_.waiting(&site, site); // the last report of a thread that blocks permanently
        mutex_.lock();
        observer_.acquired(&site, site);
        co_return guard{this};
    }

    /// Returns an empty guard if the lock is taken.
    guard try_lock(site_type site = site_type::current()) {
        if (!mutex_.try_lock())
            return guard{};
        observer_.acquired(nullptr, site);
        return guard{this};
    }

private:
    std::mutex mutex_;
    [[no_unique_address]] Observer observer_;
};

using blocking_mutex = basic_blocking_mutex<>;

} // namespace chat
