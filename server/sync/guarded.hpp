// A value that only the holder of its lock can reach, as in Rust's Mutex<T>: nothing reads or
// writes T except through the guard that `co_await g.lock()` returns, or inside `co_await
// g.with(f)`.
#pragma once

#include <boost/asio/awaitable.hpp>

#include <type_traits>
#include <utility>

namespace chat {

namespace asio = boost::asio;

namespace detail {

template <class T>
inline constexpr bool is_awaitable = false;
template <class T, class Executor>
inline constexpr bool is_awaitable<asio::awaitable<T, Executor>> = true;

} // namespace detail

/// For the first arguments of a `guarded` whose mutex has an observer.
template <class Observer>
struct observed_by {
    Observer observer;
};

template <class Observer>
observed_by(Observer) -> observed_by<Observer>;

/// Mutex is basic_async_mutex or basic_blocking_mutex. Thread safety is that of the Mutex.
template <class T, class Mutex>
class guarded {
public:
    using value_type = T;
    using mutex_type = Mutex;
    using executor_type = typename Mutex::executor_type;
    using site_type = typename Mutex::site_type;

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

    template <class ExecutorOrContext, class Observer, class... Args>
    guarded(ExecutorOrContext&& executor, observed_by<Observer> by, Args&&... args)
        : mutex_{std::forward<ExecutorOrContext>(executor), std::move(by.observer)}
        , value_(std::forward<Args>(args)...) {}

    guarded(const guarded&) = delete;
    guarded& operator=(const guarded&) = delete;

    /// Tries first: a lock that is free costs no coroutine of the mutex's own.
    asio::awaitable<guard, executor_type> lock(site_type site = site_type::current()) {
        auto held = mutex_.try_lock(site);
        if (!held) {
            held = co_await mutex_.lock(site);
        }
        co_return guard{std::move(held), &value_};
    }

    /// An empty guard when taken, or when others wait.
    guard try_lock(site_type site = site_type::current()) {
        auto held = mutex_.try_lock(site);
        auto* const reachable = held.owns_lock() ? &value_ : nullptr;
        return guard{std::move(held), reachable};
    }

    /// Runs f(value) under the lock and returns what it returns. The lock cannot be held across a
    /// suspension this way, since f is no coroutine.
    template <class F>
    auto with(F f, site_type site = site_type::current())
        -> asio::awaitable<std::invoke_result_t<F&, T&>, executor_type> {
        using result = std::invoke_result_t<F&, T&>;
        static_assert(!detail::is_awaitable<result>,
                      "the lock would be released before the awaitable runs: use lock() instead");
        static_assert(!std::is_reference_v<result>, "the reference would leave the lock behind");
        auto held = co_await lock(site);
        co_return f(*held);
    }

private:
    Mutex mutex_;
    T value_;
};

} // namespace chat
