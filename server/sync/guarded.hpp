// A value that only the holder of its lock can reach, as in Rust's Mutex<T>: nothing reads or
// writes T except through the guard that `co_await g.lock()` returns.
#pragma once

#include <boost/asio/awaitable.hpp>

#include <utility>

namespace chat {

namespace asio = boost::asio;

/// Mutex is basic_async_mutex or basic_blocking_mutex. Thread safety is that of the Mutex.
template <class T, class Mutex>
class guarded {
public:
    using value_type = T;
    using mutex_type = Mutex;
    using executor_type = typename Mutex::executor_type;

    /// The lock and the way to the value, in one. Must not outlive its `guarded`.
    class [[nodiscard]] guard {
    public:
        guard() noexcept = default;

        bool owns_lock() const noexcept { return lock_.owns_lock(); }

        explicit operator bool() const noexcept { return owns_lock(); }

        /// Releases early; the value is out of reach from here on.
        void unlock() noexcept { lock_.unlock(); }

        /// Only while owns_lock().
        T& operator*() const noexcept { return *value_; }

        T* operator->() const noexcept { return value_; }

    private:
        friend guarded;

        guard(typename Mutex::guard lock, T* value) noexcept
            : lock_{std::move(lock)}
            , value_{value} {}

        typename Mutex::guard lock_;
        T* value_ = nullptr;
    };

    /// The executor is the mutex's, everything else constructs the value.
    template <class ExecutorOrContext, class... Args>
    explicit guarded(ExecutorOrContext&& executor, Args&&... args)
        : mutex_{std::forward<ExecutorOrContext>(executor)}
        , value_(std::forward<Args>(args)...) {}

    guarded(const guarded&) = delete;
    guarded& operator=(const guarded&) = delete;

    asio::awaitable<guard, executor_type> lock() {
        auto held = co_await mutex_.lock();
        co_return guard{std::move(held), &value_};
    }

    /// An empty guard when taken, or when others wait.
    guard try_lock() {
        auto held = mutex_.try_lock();
        auto* const reachable = held.owns_lock() ? &value_ : nullptr;
        return guard{std::move(held), reachable};
    }

private:
    Mutex mutex_;
    T value_;
};

} // namespace chat
