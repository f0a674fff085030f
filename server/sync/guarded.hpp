// A value that only the holder of its lock can access, like Rust's Mutex<T>. The only ways to read
// or write T are the guard that `co_await g.lock()` returns, and the function f in `co_await
// g.with(f)`.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/deferred.hpp>

#include <cassert>
#include <functional>
#include <ranges>
#include <type_traits>
#include <utility>

namespace chat {

namespace asio = boost::asio;

namespace detail {

/// Work that starts only when it is awaited: a coroutine, a deferred operation of Asio, or any
/// other type that can be awaited.
template <class R>
concept starts_later = asio::is_deferred<R>::value || requires(R& r) { r.await_ready(); } ||
                       requires(R& r) { std::move(r).operator co_await(); } ||
                       requires(R& r) { operator co_await(std::move(r)); };
template <class R>
inline constexpr bool is_awaitable = starts_later<R>;
template <class T, class Executor>
inline constexpr bool is_awaitable<asio::awaitable<T, Executor>> = true;

/// A string_view or a span counts as a reference. (An iterator should, but looks like any class.)
template <class R>
inline constexpr bool is_reference =
    std::is_reference_v<R> || std::is_pointer_v<R> || std::ranges::enable_borrowed_range<R>;
template <class T>
inline constexpr bool is_reference<std::reference_wrapper<T>> = true;

/// What guarded<T>::with(f) finds out about f. `type` is void if f is rejected, so that the message
/// of with() is the only error.
template <class F, class T>
struct result_of_with {
    static constexpr bool callable = false;
    static constexpr bool later = false;
    static constexpr bool reference = false;
    using type = void;
};

template <class F, class T>
    requires std::is_invocable_v<F&, T&>
struct result_of_with<F, T> {
    using result = std::remove_cv_t<std::invoke_result_t<F&, T&>>;
    static constexpr bool callable = true;
    static constexpr bool later = is_awaitable<std::remove_cvref_t<result>>;
    static constexpr bool reference = !later && is_reference<result>;
    using type = std::conditional_t<later || reference, void, result>;
};

} // namespace detail

/// Goes between the executor and the value's arguments when a `guarded` is constructed, and passes
/// an observer to its mutex.
template <class Observer>
struct observed_by {
    Observer observer;
};

template <class Observer>
observed_by(Observer) -> observed_by<Observer>;

/// Mutex is basic_async_mutex or basic_blocking_mutex, and determines the thread safety.
template <class T, class Mutex>
class guarded {
public:
    using value_type = T;
    using mutex_type = Mutex;
    using executor_type = typename Mutex::executor_type;
    using site_type = typename Mutex::site_type;

    /// Holds the lock and gives access to the value. Must not outlive its `guarded`.
    class [[nodiscard]] guard {
    public:
        guard() noexcept = default;

        bool owns_lock() const noexcept { return lock_.owns_lock(); }

        explicit operator bool() const noexcept { return owns_lock(); }

        /// Releases the lock early. After that the guard gives no access to the value.
        void unlock() noexcept { lock_.unlock(); }

        /// Requires owns_lock().
        T& operator*() const noexcept { return *reach(); }

        T* operator->() const noexcept { return reach(); }

    private:
        friend guarded;

        T* reach() const noexcept {
            assert(owns_lock() && "this guard does not hold the lock: after unlock() other tasks "
                                  "may change the value, so copy what you need before unlock()");
            return value_;
        }

        guard(typename Mutex::guard lock, T* value) noexcept
            : lock_{std::move(lock)}
            , value_{value} {}

        typename Mutex::guard lock_;
        T* value_ = nullptr;
    };

    /// The executor goes to the mutex. The other arguments construct the value.
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

    /// Calls try_lock() first, because a free lock then needs no second coroutine.
    asio::awaitable<guard, executor_type> lock(site_type site = site_type::current()) {
        if (auto held = mutex_.try_lock(site))
            co_return guard{std::move(held), &value_};
        auto held = co_await mutex_.lock(site);
        co_return guard{std::move(held), &value_};
    }

    /// Returns an empty guard if the lock is taken or another task waits for it.
    guard try_lock(site_type site = site_type::current()) {
        auto held = mutex_.try_lock(site);
        auto* const reachable = held.owns_lock() ? &value_ : nullptr;
        return guard{std::move(held), reachable};
    }

    /// Runs f(value) under the lock and returns its result. This way the lock cannot be held across
    /// a suspension: f must be a plain function, and the compiler rejects everything else.
    template <class F>
    auto with(F f, site_type site = site_type::current())
        -> asio::awaitable<typename detail::result_of_with<F, T>::type, executor_type> {
        using result = detail::result_of_with<F, T>;
        static_assert(result::callable,
                      "guarded::with(f): f must be callable with a reference to the value");
        static_assert(
            !result::later,
            "guarded::with(f): f must not return something to await, because the lock would"
            " be released before it runs: make f a plain function, or use lock()");
        static_assert(
            !result::reference,
            "guarded::with(f): f must not return a reference, pointer or view, because the"
            " lock would be released before it is used: return a copy");
        auto held = co_await lock(site);
        if constexpr (result::callable && !result::later && !result::reference)
            co_return f(*held);
    }

private:
    Mutex mutex_;
    T value_;
};

} // namespace chat
