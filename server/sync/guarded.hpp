// A value that only the holder of its lock can reach, as in Rust's Mutex<T>: nothing reads or
// writes T except through the guard that `co_await g.lock()` returns, or inside `co_await
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

/// Work that starts only when it is awaited: a coroutine, an operation of Asio's deferred, or any
/// other type that co_await takes.
template <class R>
concept starts_later = asio::is_deferred<R>::value || requires(R& r) { r.await_ready(); } ||
                       requires(R& r) { std::move(r).operator co_await(); } ||
                       requires(R& r) { operator co_await(std::move(r)); };
template <class R>
inline constexpr bool is_awaitable = starts_later<R>;
template <class T, class Executor>
inline constexpr bool is_awaitable<asio::awaitable<T, Executor>> = true;

/// A string_view or a span is a reference too. (An iterator is as well, but looks like any class.)
template <class R>
inline constexpr bool is_reference =
    std::is_reference_v<R> || std::is_pointer_v<R> || std::ranges::enable_borrowed_range<R>;
template <class T>
inline constexpr bool is_reference<std::reference_wrapper<T>> = true;

/// What guarded<T>::with(f) makes of f. The type of what is refused is void, so that with()'s own
/// message is the first and only one.
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
        T& operator*() const noexcept { return *reach(); }

        T* operator->() const noexcept { return reach(); }

    private:
        friend guarded;

        T* reach() const noexcept {
            assert(owns_lock() && "this guard has no lock: after unlock() others change the value, "
                                  "so copy what you still need before it");
            return value_;
        }

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
        if (auto held = mutex_.try_lock(site)) {
            co_return guard{std::move(held), &value_};
        }
        auto held = co_await mutex_.lock(site);
        co_return guard{std::move(held), &value_};
    }

    /// An empty guard when taken, or when others wait.
    guard try_lock(site_type site = site_type::current()) {
        auto held = mutex_.try_lock(site);
        auto* const reachable = held.owns_lock() ? &value_ : nullptr;
        return guard{std::move(held), reachable};
    }

    /// Runs f(value) under the lock and returns what it returns. The lock cannot be held across a
    /// suspension this way: f is a plain function, the compiler refuses all else.
    template <class F>
    auto with(F f, site_type site = site_type::current())
        -> asio::awaitable<typename detail::result_of_with<F, T>::type, executor_type> {
        using result = detail::result_of_with<F, T>;
        static_assert(result::callable,
                      "guarded::with(f): f must be callable with a reference to the value");
        static_assert(!result::later,
                      "guarded::with(f): f must not return something to await, since the lock would"
                      " be released before that runs: make f a plain function, or use lock()");
        static_assert(!result::reference,
                      "guarded::with(f): f must not return a reference, pointer or view, since the"
                      " lock would be released before that is used: return a copy");
        auto held = co_await lock(site);
        if constexpr (result::callable && !result::later && !result::reference) {
            co_return f(*held);
        }
    }

private:
    Mutex mutex_;
    T value_;
};

} // namespace chat
