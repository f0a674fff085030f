// std::mutex behind the surface of the async mutex: `co_await m.lock()` gives a guard. It never
// suspends. When the mutex is taken it blocks the thread, and with it every coroutine that this
// thread would run: hold its guard across a co_await on a single-threaded loop and the loop
// freezes. That is its purpose here.
#pragma once

#include "server/sync/async_mutex.hpp" // the observer policy

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <mutex>
#include <utility>

namespace chat {

/// Executor only names the coroutines that may await lock(). Observer: as of the async mutex.
template <class Executor = asio::any_io_executor, class Observer = unobserved>
class basic_blocking_mutex {
public:
    using executor_type = Executor;
    using site_type = typename Observer::site;

    template <class Other>
    struct rebind_executor {
        using other = basic_blocking_mutex<Other, Observer>;
    };

    /// Holds the lock; its destructor releases it. Must be released on the thread that took the
    /// lock, and not outlive the mutex.
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

        /// Does nothing when nothing is held.
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

    /// The executor (or execution context) is ignored: a blocked thread needs nobody to resume it.
    template <class ExecutorOrContext>
    explicit basic_blocking_mutex(const ExecutorOrContext&, Observer observer = {}) noexcept
        : observer_{std::move(observer)} {}

    basic_blocking_mutex(const basic_blocking_mutex&) = delete;
    basic_blocking_mutex& operator=(const basic_blocking_mutex&) = delete;

    /// Really calls std::mutex::lock, and so blocks the calling thread until the lock is free.
    asio::awaitable<guard, Executor> lock(site_type site = site_type::current()) {
        observer_.waiting(&site, site); // the last that is heard of a thread that blocks for ever
        mutex_.lock();
        observer_.acquired(&site, site);
        co_return guard{this};
    }

    /// An empty guard when taken.
    guard try_lock(site_type site = site_type::current()) {
        if (!mutex_.try_lock()) {
            return guard{};
        }
        observer_.acquired(nullptr, site);
        return guard{this};
    }

private:
    std::mutex mutex_;
    [[no_unique_address]] Observer observer_;
};

using blocking_mutex = basic_blocking_mutex<>;

} // namespace chat
