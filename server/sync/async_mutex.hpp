// A mutex for Asio's coroutines and completion handlers. A caller that finds it taken is suspended;
// its thread is not blocked. In: co_await lock(), async_lock(token), try_lock(). Out: a guard, to
// one caller at a time, in arrival order, each resumed on its own executor. Needs Asio and C++20
// and nothing else: copy this file wherever you like. The reference page is at basic_async_mutex,
// after the policies. The internals come last.
//
// Uses only Asio's public interface. Needs Boost 1.81 or later, because earlier versions cannot
// await a deferred operation. Tested with 1.81, the newest in Debian 12, and tried with 1.88, the
// newest in Debian 13. For Asio without Boost (tried with 1.30; Debian 12's 1.22 is too old):
//   sed 's|<boost/asio/|<asio/|; s|<boost/system/system_error.hpp>|<system_error>|;
//        s|boost::asio|::asio|; s|boost::system::|std::|'
//
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/recycling_allocator.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <atomic>
#include <concepts>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>

namespace chat {

namespace asio = boost::asio;

// --- Policies --------------------------------------------------------------------------------

/// Threading policy: any number of threads may use the mutex and its guards at the same time.
struct concurrent {
    template <class T>
    using atomic = std::atomic<T>;
    using queue_mutex = std::mutex;
    using roster_mutex = std::mutex;
};

/// Threading policy: only one thread, or one strand, uses the mutex, its guards and its waiters'
/// executors.
struct unsynchronized {
    /// A plain value with the part of std::atomic's interface that is used here.
    template <class T>
    class atomic {
    public:
        explicit atomic(T value) noexcept
            : value_{value} {}

        T load(std::memory_order) const noexcept { return value_; }

        void store(T value, std::memory_order) noexcept { value_ = value; }

        T fetch_add(T n, std::memory_order) noexcept { return std::exchange(value_, value_ + n); }

        T fetch_sub(T n, std::memory_order) noexcept { return std::exchange(value_, value_ - n); }

        bool compare_exchange_strong(T& expected, T value, std::memory_order,
                                     std::memory_order) noexcept {
            if (value_ == expected) {
                value_ = value;
                return true;
            }
            expected = value_;
            return false;
        }

    private:
        T value_;
    };

    struct queue_mutex {
        void lock() noexcept {}

        void unlock() noexcept {}
    };

    using roster_mutex = std::mutex; // several strands may share an execution context
};

/// Observer policy: does nothing and stores nothing.
///
/// Write another observer to learn which task holds the lock, which tasks wait, since when and from
/// which line. Its `site` is any copyable type with a static current(): std::source_location, or a
/// type of your own that also names the task. Its functions must not throw and must not use the
/// mutex. Each is called on the thread that acts. The mutex holds none of its own locks at that
/// point, so calls from two threads may arrive out of order.
struct unobserved {
    struct site {
        static constexpr site current() noexcept { return {}; }
    };

    /// A waiter is about to join the queue.
    void waiting(const void* /*waiter*/, const site&) noexcept {}

    /// The lock was acquired. The waiter is null if waiting() was not called before.
    void acquired(const void* /*waiter*/, const site&) noexcept {}

    /// A waiter left without the lock: it was cancelled, or the mutex or its context was destroyed.
    void abandoned(const void* /*waiter*/, const site&) noexcept {}

    /// The lock was released.
    void released() noexcept {}
};

// --- The mutex -------------------------------------------------------------------------------

namespace detail {

// Defined with the other internals, at the end of this file.
template <class Threading, class Observer>
class async_mutex_state;

template <class State, class Guard, class Handler, class Executor>
class async_mutex_wait;

} // namespace detail

/// Mutual exclusion for coroutines and completion handlers, first come, first served.
///
/// A waiter is suspended while its thread continues. Unlocking hands the lock directly to the
/// oldest waiter. The lock is never free in between, so a waiter cannot be overtaken.
///
/// \code
/// asio::awaitable<void> append(chat::async_mutex& mutex, std::string& text) {
///     auto guard = co_await mutex.lock();
///     text += co_await read_line(); // other tasks are suspended, no thread is blocked
/// }                                 // unlocks
/// \endcode
///
/// \tparam Executor   Runs the handlers that have no associated executor of their own.
/// \tparam Threading  `concurrent` or `unsynchronized`.
/// \tparam Observer   `unobserved`, or a type that learns which task holds the lock and which wait.
///
/// \par Thread safety
/// Distinct objects: safe. Shared objects: safe with `concurrent`, except for construction and
/// destruction; unsafe with `unsynchronized`. A guard may be released on any thread.
///
/// \par Handlers
/// A handler is always posted to its associated executor. Until then it counts as outstanding work
/// there. It never runs inside a member function of the mutex or its guard, and the mutex holds
/// none of its own locks while user code runs. A chain of a million waiters uses no more stack than
/// one. If posting to a waiter's executor throws, unlocking calls std::terminate.
///
/// \par Memory
/// The constructor allocates the state. try_lock() does not allocate. An uncontended
/// `co_await lock()` allocates only the coroutine's frame, which Asio recycles. A waiter takes one
/// block from its handler's associated allocator, or from asio::recycling_allocator if it has none,
/// and returns it before the handler runs. The posted operation fits into that block if the
/// handler's executor is io_context's and the allocator is stateless. Otherwise it takes a second
/// block; any_io_executor takes that one from Asio's recycled memory. The first waiter from an
/// execution context also registers the context with the mutex.
///
/// \par Cancellation
/// Terminal, partial and total cancellation are supported and have the same effect: the waiter
/// leaves the queue, in constant time, and completes with asio::error::operation_aborted and an
/// empty guard. A waiter is either cancelled or gets the lock, even if the two race on different
/// threads. A cancellation that comes second has no effect. As with every Asio operation, a signal
/// must not be emitted while the handler starts on another thread: emit it on the handler's strand.
///
/// \par Lifetimes
/// - If the mutex is destroyed while tasks wait, they complete with operation_aborted. A guard may
///   outlive the mutex, and so may a grant that has not reached its handler yet.
/// - If an execution context is destroyed while its handlers wait, the handlers are destroyed
///   without being run, and the queue continues without them. A waiter whose executor has no
///   execution context must complete before that executor becomes unusable.
/// - If a handler is destroyed without being run, or throws, the lock that it was granted goes to
///   the next waiter.
template <class Executor = asio::any_io_executor, class Threading = concurrent,
          class Observer = unobserved>
class basic_async_mutex {
    using state_type = detail::async_mutex_state<Threading, Observer>;

public:
    using executor_type = Executor;
    using site_type = typename Observer::site;

    /// The same mutex type with another executor, for `token::as_default_on_t<mutex>`.
    template <class Other>
    struct rebind_executor {
        using other = basic_async_mutex<Other, Threading, Observer>;
    };

    /// Holds the lock, or nothing. The destructor unlocks. A guard may move between threads,
    /// outlive the mutex, and be kept across a co_await. It is a type of its own because tools
    /// rightly warn about a std::lock_guard that is kept across a co_await.
    class [[nodiscard]] guard {
    public:
        /// An empty guard: holds nothing.
        guard() noexcept = default;

        /// Adopts a lock that release() left taken.
        guard(basic_async_mutex& mutex, std::adopt_lock_t) noexcept
            : state_{mutex.state_} {}

        guard(guard&& other) noexcept
            : state_{std::exchange(other.state_, nullptr)} {}

        /// Unlocks the mutex that this guard held before.
        guard& operator=(guard&& other) noexcept {
            guard{std::move(other)}.swap(*this);
            return *this;
        }

        ~guard() { unlock(); }

        void swap(guard& other) noexcept { std::swap(state_, other.state_); }

        /// True if this guard holds the lock.
        bool owns_lock() const noexcept { return state_ != nullptr; }

        explicit operator bool() const noexcept { return owns_lock(); }

        /// Hands the lock to the oldest waiter by posting its handler. Does nothing if the guard is
        /// empty.
        void unlock() noexcept {
            if (auto* held = std::exchange(state_, nullptr))
                held->unlock();
        }

        /// Leaves the lock taken. Another guard must adopt it before the mutex is destroyed.
        void release() noexcept { state_ = nullptr; }

    private:
        friend basic_async_mutex;
        template <class, class, class, class>
        friend class detail::async_mutex_wait;

        explicit guard(state_type* held) noexcept
            : state_{held} {}

        state_type* state_ = nullptr;
    };

    /// \throws std::bad_alloc.
    explicit basic_async_mutex(const Executor& executor, Observer observer = {})
        : executor_{executor}
        , state_{new state_type{std::move(observer)}} {}

    template <class ExecutionContext>
        requires std::convertible_to<ExecutionContext&, asio::execution_context&>
    explicit basic_async_mutex(ExecutionContext& context, Observer observer = {})
        : basic_async_mutex{Executor{context.get_executor()}, std::move(observer)} {}

    basic_async_mutex(const basic_async_mutex&) = delete;
    basic_async_mutex& operator=(const basic_async_mutex&) = delete;

    /// Waiters complete with operation_aborted. A guard that holds the lock keeps it.
    ~basic_async_mutex() { state_->orphan(); }

    executor_type get_executor() const noexcept { return executor_; }

    /// Returns an empty guard if the lock is taken. The lock counts as taken while any task waits
    /// for it. In a hot loop call this first and await lock() only if it fails, because a
    /// coroutine's frame costs more than the lock.
    guard try_lock(site_type site = site_type::current()) noexcept {
        return guard{state_->try_lock(site) ? state_ : nullptr};
    }

    /// Starts waiting for the lock. The mutex must live until the operation has started, but no
    /// longer. (A deferred operation starts when it is awaited.)
    ///
    /// Completion signature: `void(boost::system::error_code, guard)`. The only error is
    /// operation_aborted, and then the guard is empty.
    template <asio::completion_token_for<void(boost::system::error_code, guard)> Token =
                  asio::default_completion_token_t<Executor>>
    auto async_lock(Token&& token = {}, site_type site = site_type::current()) {
        return asio::async_initiate<Token, void(boost::system::error_code, guard)>(initiation{this},
                                                                                   token, site);
    }

    /// The short form for coroutines on this executor. Does not suspend if the lock is free.
    /// \throws boost::system::system_error operation_aborted, without having acquired the lock.
    asio::awaitable<guard, Executor> lock(site_type site = site_type::current()) {
        if (state_->lock_if_free(site))
            co_return guard{state_};
        auto turn = async_lock(asio::deferred, site);
        co_return co_await std::move(turn);
    }

private:
    /// Runs when the operation starts. Trivially destructible, because g++ 12 may run the
    /// destructor of an initiation twice.
    struct initiation {
        using executor_type = Executor;
        basic_async_mutex* mutex;

        executor_type get_executor() const noexcept { return mutex->executor_; }

        template <class Handler>
        void operator()(Handler&& handler, site_type site) const {
            using handler_type = std::decay_t<Handler>;
            using wait = detail::async_mutex_wait<state_type, guard, handler_type, Executor>;
            auto& state = *mutex->state_;
            if (guard held{state.lock_if_free(site) ? &state : nullptr}; held) {
                handler_type moved(std::forward<Handler>(handler));
                auto executor = asio::get_associated_executor(moved, mutex->executor_);
                asio::post(executor, asio::append(std::move(moved), boost::system::error_code{},
                                                  std::move(held)));
            } else {
                wait::start(state, std::forward<Handler>(handler), mutex->executor_, site);
            }
        }
    };

    Executor executor_;
    state_type* state_;
};

/// For any executor and any number of threads.
using async_mutex = basic_async_mutex<>;

/// For any executor, on one thread or strand.
using unsynchronized_async_mutex = basic_async_mutex<asio::any_io_executor, unsynchronized>;

// --- Internals -------------------------------------------------------------------------------

namespace detail {

/// An execution context as seen by other threads that post to it: its destruction waits for them.
struct async_mutex_home {
    std::atomic<unsigned> arrivals{0}; // posts in progress
};

/// An operation that found the lock taken. It starts in the queue. After delivery it is on its way to its
/// handler, and the posted operation reuses the memory of its queue links.
struct async_mutex_waiter {
    async_mutex_waiter() noexcept = default;
    async_mutex_waiter(const async_mutex_waiter&) = delete;
    async_mutex_waiter& operator=(const async_mutex_waiter&) = delete;

    /// Posts the handler. From here on the executor owns the waiter.
    virtual void deliver(bool granted) noexcept = 0;
    /// Destroys the waiter and its handler, which never runs, because its context is being
    /// destroyed.
    virtual void die() noexcept = 0;
    /// True if this thread runs the handler's context, so that the context cannot be destroyed now.
    /// Called with the queue mutex locked.
    virtual bool is_here() const noexcept = 0;

    struct queue_link {
        async_mutex_waiter* next = nullptr;
        async_mutex_waiter* previous = nullptr;
        async_mutex_home* home = nullptr; // the handler's context, null if it has none
    };

    bool queued = false;    // guarded by the queue mutex
    bool connected = false; // the handler's cancellation slot holds our canceller
    bool granted = false;   // set on delivery: the handler gets the lock
    bool lent = false;      // the posted operation uses the memory

    // The memory has the size of the operation that io_context posts. A larger one gets its own
    // block.
    union {
        queue_link at{};                                    // until delivery
        alignas(void*) std::byte memory[5 * sizeof(void*)]; // after delivery
    };

protected:
    ~async_mutex_waiter() = default;
};

/// The queue of waiters, oldest first. Does not own them.
class async_mutex_queue {
public:
    bool empty() const noexcept { return first_ == nullptr; }

    void push_back(async_mutex_waiter& waiter) noexcept {
        waiter.at.previous = last_;
        (last_ ? last_->at.next : first_) = &waiter;
        last_ = &waiter;
        waiter.queued = true;
    }

    void erase(async_mutex_waiter& waiter) noexcept {
        auto& [next, previous, home] = waiter.at;
        (next ? next->at.previous : last_) = previous;
        (previous ? previous->at.next : first_) = next;
        next = nullptr;
        waiter.queued = false;
    }

    async_mutex_waiter* front() const noexcept { return first_; }

    static async_mutex_waiter* after(const async_mutex_waiter& waiter) noexcept {
        return waiter.at.next;
    }

    async_mutex_waiter& pop_front() noexcept {
        auto& waiter = *first_;
        erase(waiter);
        return waiter;
    }

private:
    async_mutex_waiter* first_ = nullptr;
    async_mutex_waiter* last_ = nullptr;
};

/// Waiters that have left the queue and are about to be posted or destroyed, oldest first.
class async_mutex_departed {
public:
    bool empty() const noexcept { return first_ == nullptr; }

    void push_back(async_mutex_waiter& waiter) noexcept {
        (last_ ? last_->at.next : first_) = &waiter;
        last_ = &waiter;
    }

    async_mutex_waiter& pop_front() noexcept {
        auto& waiter = *first_;
        first_ = std::exchange(waiter.at.next, nullptr);
        return waiter;
    }

private:
    async_mutex_waiter* first_ = nullptr;
    async_mutex_waiter* last_ = nullptr;
};

/// A mutex as seen by an execution context whose handlers may wait in its queue.
class async_mutex_member {
public:
    /// Moves the waiters of a context that is being destroyed from the queue to `dead`.
    virtual void forget(const async_mutex_home& dying, async_mutex_departed& dead) noexcept = 0;

protected:
    ~async_mutex_member() = default;
};

/// A service in each execution context that waiters come from. It knows the mutexes in whose queues
/// they may be.
template <class RosterMutex>
class async_mutex_service final : public asio::execution_context::service, public async_mutex_home {
public:
    using key_type = async_mutex_service;
    inline static asio::execution_context::id id;

    /// Guards the members of all services. Locked when a mutex first meets a context and when
    /// either is destroyed, but not to lock or unlock the async mutex.
    inline static RosterMutex roster;

    explicit async_mutex_service(asio::execution_context& context)
        : service(context) {}

    std::list<async_mutex_member*> members;

private:
    void shutdown() override {
        async_mutex_departed dead;
        {
            std::lock_guard lock{roster};
            for (auto* member : members)
                member->forget(*this, dead);
            members.clear();
        }
        while (arrivals.load(std::memory_order_acquire) != 0)
            std::this_thread::yield(); // another thread is still posting to this context
        while (!dead.empty())
            dead.pop_front().die();
    }
};

/// The lock itself. Lives on the heap, because a grant in flight may outlive the mutex object.
template <class Threading, class Observer>
class async_mutex_state final : private async_mutex_member {
public:
    using site_type = typename Observer::site;

    explicit async_mutex_state(Observer observer)
        : observer_{std::move(observer)} {}

    // The mutex object owns a reference. So does everything that may use the state after the mutex
    // object is gone: a canceller, and a waiter that is destroyed with its context. A holder owns
    // none, so lock and unlock take one atomic operation each. When the mutex object is destroyed,
    // the holder inherits its reference: see orphan().
    void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }

    void release() noexcept {
        if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1)
            delete this;
    }

    bool try_lock(const site_type& site) noexcept {
        auto seen = word::free;
        if (!word_.compare_exchange_strong(seen, word::held, std::memory_order_acquire,
                                           std::memory_order_relaxed)) {
            return false;
        }
        observer_.acquired(nullptr, site);
        return true;
    }

    /// try_lock() for a caller that will wait if it fails. Looks first, because a load costs less
    /// than a failed exchange.
    bool lock_if_free(const site_type& site) noexcept {
        return word_.load(std::memory_order_relaxed) == word::free && try_lock(site);
    }

    /// True if the waiter was queued; it may already be gone. False if the caller got the lock
    /// after all.
    bool enqueue(async_mutex_waiter& waiter, asio::execution_context* context) {
        std::unique_lock lock{queue_mutex_};
        if (context && !(waiter.at.home = home_of(*context))) {
            lock.unlock();
            join(*context);
            lock.lock();
            waiter.at.home = home_of(*context);
        }
        auto seen = word_.load(std::memory_order_relaxed);
        while (seen != word::contended) {
            const auto wanted = seen == word::free ? word::held : word::contended;
            if (word_.compare_exchange_strong(seen, wanted, std::memory_order_acquire,
                                              std::memory_order_relaxed)) {
                seen = wanted;
                break;
            }
        }
        if (seen == word::held)
            return false;
        queue_.push_back(waiter);
        return true;
    }

    void unlock() noexcept {
        observer_.released();
        auto seen = word_.load(std::memory_order_relaxed);
        if (seen != word::held ||
            !word_.compare_exchange_strong(seen, word::free, std::memory_order_release,
                                           std::memory_order_relaxed)) {
            hand_over();
        }
    }

    /// Aborts the waiter if it is still in the queue.
    void cancel(async_mutex_waiter& waiter) noexcept {
        {
            std::lock_guard lock{queue_mutex_};
            if (!waiter.queued)
                return;
            queue_.erase(waiter);
            settle();
            announce(waiter);
        }
        deliver(waiter, false);
    }

    /// Called when the mutex object is destroyed. Aborts the waiters. A holder, if there is one,
    /// inherits the reference of the mutex object.
    void orphan() noexcept {
        async_mutex_departed aborted;
        {
            std::lock_guard lock{queue_mutex_};
            while (!queue_.empty()) {
                auto& waiter = queue_.pop_front();
                announce(waiter);
                aborted.push_back(waiter);
            }
            settle();
        }
        while (!aborted.empty())
            deliver(aborted.pop_front(), false);
        leave_all();
        auto seen = word::held;
        {
            std::lock_guard lock{queue_mutex_}; // an unlocking thread may still be in hand_over()
            word_.compare_exchange_strong(seen, word::orphaned, std::memory_order_acq_rel,
                                          std::memory_order_acquire);
        }
        if (seen == word::free)
            release();
    }

    /// Makes the context call forget() when it is destroyed.
    void join(asio::execution_context& context) {
        auto& of_context = asio::use_service<service>(context);
        std::lock_guard lock{service::roster};
        of_context.members.push_front(this);
        std::lock_guard also{queue_mutex_};
        contexts_.push_front({&context, &of_context, of_context.members.begin()});
    }

    Observer& observer() noexcept { return observer_; }

private:
    // The states of the lock, and the transitions out of each.
    enum class word : unsigned char {
        // -> held       by a caller that locks, with compare-exchange
        free,
        // -> free       by the holder when it unlocks, with compare-exchange
        // -> contended  by the first waiter, with the queue mutex locked
        // -> orphaned   by the mutex object's destructor, with the queue mutex locked
        held,
        // -> held       when the last waiter leaves the queue, granted or not, with the queue mutex
        //               locked
        contended,
        // Final: unlocking releases the reference that the mutex object left behind.
        orphaned,
    };

    using service = async_mutex_service<typename Threading::roster_mutex>;

    struct membership {
        asio::execution_context* context;
        service* known_to;
        std::list<async_mutex_member*>::iterator entry;
    };

    // Locks the queue mutex only for calls of the queue, so that no user code runs with it locked.
    void hand_over() noexcept {
        std::unique_lock lock{queue_mutex_};
        if (!queue_.empty()) {
            auto& next = queue_.pop_front();
            settle();
            announce(next);
            lock.unlock();
            deliver(next, true);
            return;
        }
        // After the caller tried to unlock, the last waiter was cancelled or the mutex was
        // destroyed.
        auto seen = word::held;
        const bool freed = word_.compare_exchange_strong(
            seen, word::free, std::memory_order_release, std::memory_order_relaxed);
        lock.unlock();
        if (!freed)
            release();
    }

    // Called when waiters have left the queue: if it is empty, the lock is no longer contended.
    void settle() noexcept {
        if (queue_.empty() && word_.load(std::memory_order_relaxed) == word::contended)
            word_.store(word::held, std::memory_order_relaxed);
    }

    // Called with the queue mutex locked when a waiter leaves the queue to be posted. If its
    // context is destroyed now, the destruction waits for the post.
    static void announce(async_mutex_waiter& waiter) noexcept {
        if (waiter.is_here())
            waiter.at.home = nullptr;
        else if (waiter.at.home)
            waiter.at.home->arrivals.fetch_add(1, std::memory_order_relaxed);
    }

    // Posts a waiter that was announced. Static, because the handler may already run on another
    // thread and destroy the waiter and this state.
    static void deliver(async_mutex_waiter& waiter, bool granted) noexcept {
        auto* const home = waiter.at.home;
        waiter.deliver(granted);
        if (home)
            home->arrivals.fetch_sub(1, std::memory_order_release);
    }

    async_mutex_home* home_of(const asio::execution_context& context) const noexcept {
        for (const auto& each : contexts_) {
            if (each.context == &context)
                return each.known_to;
        }
        return nullptr;
    }

    void forget(const async_mutex_home& dying, async_mutex_departed& dead) noexcept override {
        std::lock_guard lock{queue_mutex_};
        contexts_.remove_if([&](const membership& each) { return each.known_to == &dying; });
        for (auto* at = queue_.front(); at;) {
            auto& waiter = *std::exchange(at, async_mutex_queue::after(*at));
            if (waiter.at.home == &dying) {
                queue_.erase(waiter);
                retain(); // until it has died
                dead.push_back(waiter);
            }
        }
        settle();
    }

    void leave_all() noexcept {
        std::lock_guard lock{service::roster};
        for (const auto& each : contexts_)
            each.known_to->members.erase(each.entry);
        contexts_.clear();
    }

    typename Threading::template atomic<word> word_{word::free};
    typename Threading::template atomic<unsigned> references_{1};
    typename Threading::queue_mutex queue_mutex_;
    async_mutex_queue queue_;
    // Changed with the roster and the queue mutex locked, read with either of them locked.
    std::list<membership> contexts_;
    [[no_unique_address]] Observer observer_;
};

/// The waiter for one handler type. Allocated with the handler's allocator.
template <class State, class Guard, class Handler, class Executor>
class async_mutex_wait final : public async_mutex_waiter {
    using executor_type = asio::associated_executor_t<Handler, Executor>;
    using work_type = std::decay_t<decltype(asio::prefer(
        std::declval<const executor_type&>(), asio::execution::outstanding_work.tracked))>;
    using proto_allocator = asio::associated_allocator_t<Handler, asio::recycling_allocator<void>>;
    using allocator_type =
        typename std::allocator_traits<proto_allocator>::template rebind_alloc<async_mutex_wait>;
    using allocator_traits = std::allocator_traits<allocator_type>;

    // io_context's executor has two useful properties: it allocates the posted operation at once,
    // never later, and it can tell whether it runs on this thread without calling user code. Boost
    // 1.81 shows both in io_context::basic_executor_type::execute and executor_op: look there when
    // Asio changes.
    static constexpr bool on_loop = std::is_same_v<executor_type, asio::io_context::executor_type>;

public:
    /// Queues the handler, or posts it if the lock has become free.
    template <class H>
    static void start(State& state, H&& handler, const Executor& fallback,
                      const typename State::site_type& site) {
        auto allocator = allocator_of(handler);
        auto* memory = allocator_traits::allocate(allocator, 1);
        async_mutex_wait* self = nullptr;
        try {
            self = ::new (static_cast<void*>(memory))
                async_mutex_wait{state, std::forward<H>(handler), fallback, site};
            auto slot = asio::get_associated_cancellation_slot(self->handler_);
            if (slot.is_connected())
                slot.template emplace<canceller>(*self);
            state.observer().waiting(self, site);
            if (!state.enqueue(*self, self->context()))
                self->deliver(true);
        } catch (...) {
            if (self)
                self->end();
            else
                allocator_traits::deallocate(allocator, memory, 1);
            throw;
        }
    }

    template <class H>
    async_mutex_wait(State& state, H&& handler, const Executor& fallback,
                     const typename State::site_type& site)
        : state_{state}
        , site_{site}
        , handler_(std::forward<H>(handler))
        , work_(asio::prefer(asio::get_associated_executor(handler_, fallback),
                             asio::execution::outstanding_work.tracked)) {}

private:
    /// Sits in the waiter's cancellation slot. Does not outlive the waiter.
    struct canceller {
        explicit canceller(async_mutex_wait& its) noexcept
            : wait{its} {
            wait.state_.retain();
            wait.connected = true;
        }

        canceller(const canceller&) = delete;
        canceller& operator=(const canceller&) = delete;

        ~canceller() {
            wait.connected = false;
            wait.state_.release();
        }

        /// Accepts every cancellation type, because an operation that only waits has no partial
        /// effect.
        void operator()(asio::cancellation_type type) const {
            if (type != asio::cancellation_type::none)
                wait.state_.cancel(wait); // may run the handler elsewhere, which destroys *this
        }

        async_mutex_wait& wait;
    };

    static allocator_type allocator_of(const Handler& handler) noexcept {
        return allocator_type(proto_allocator_of(handler));
    }

    static proto_allocator proto_allocator_of(const Handler& handler) noexcept {
        return asio::get_associated_allocator(handler, asio::recycling_allocator<void>());
    }

    /// Destroys the waiter, returns its memory to the allocator, and returns the handler, which may
    /// own the arena that the memory came from.
    Handler end() {
        auto allocator = allocator_of(handler_);
        if (connected) // otherwise the signal is gone, or serves another operation
            asio::get_associated_cancellation_slot(handler_).clear();
        Handler handler{std::move(handler_)};
        std::destroy_at(this);
        allocator_traits::deallocate(allocator, this, 1);
        return handler;
    }

    /// Places the posted operation inside the waiter if it fits, so that a waiter takes only one
    /// block. Copies of the allocator may outlive the waiter, but do not allocate then.
    template <class T>
    class delivery_allocator {
    public:
        using value_type = T;

        explicit delivery_allocator(async_mutex_wait& wait) noexcept
            : wait_{&wait}
            , proto_{proto_allocator_of(wait.handler_)} {}

        template <class U>
        delivery_allocator(const delivery_allocator<U>& other) noexcept
            : wait_{other.wait_}
            , proto_{other.proto_} {}

        T* allocate(std::size_t n) {
            if (n * sizeof(T) <= sizeof wait_->memory && alignof(T) <= alignof(void*) &&
                !std::exchange(wait_->lent, true)) {
                return reinterpret_cast<T*>(wait_->memory);
            }
            return rebound{proto_}.allocate(n);
        }

        void deallocate(T* memory, std::size_t n) noexcept {
            if (reinterpret_cast<std::byte*>(memory) != wait_->memory)
                rebound{proto_}.deallocate(memory, n);
        }

        bool operator==(const delivery_allocator& other) const noexcept {
            return wait_ == other.wait_;
        }

    private:
        template <class>
        friend class delivery_allocator;

        using rebound = typename std::allocator_traits<proto_allocator>::template rebind_alloc<T>;

        async_mutex_wait* wait_;
        [[no_unique_address]] proto_allocator proto_;
    };

    /// The function object that is posted. If it is destroyed without having run, it destroys the
    /// handler and passes a granted lock on.
    class delivery {
    public:
        using allocator_type =
            std::conditional_t<on_loop, delivery_allocator<void>, proto_allocator>;

        explicit delivery(async_mutex_wait& wait) noexcept
            : wait_{&wait} {}

        delivery(delivery&& other) noexcept
            : wait_{std::exchange(other.wait_, nullptr)} {}

        ~delivery() {
            if (wait_)
                wait_->drop();
        }

        allocator_type get_allocator() const noexcept {
            if constexpr (on_loop)
                return allocator_type{*wait_};
            else
                return proto_allocator_of(wait_->handler_);
        }

        void operator()() { std::exchange(wait_, nullptr)->complete(); }

    private:
        async_mutex_wait* wait_;
    };

    void deliver(bool with_lock) noexcept override {
        granted = with_lock;
        if (granted)
            state_.observer().acquired(this, site_);
        else
            state_.observer().abandoned(this, site_);
        asio::post(asio::prefer(work_, asio::execution::outstanding_work.untracked),
                   delivery{*this});
    }

    bool is_here() const noexcept override {
        if constexpr (on_loop)
            return work_.running_in_this_thread();
        else
            return false;
    }

    void die() noexcept override {
        auto& state = state_;
        state.observer().abandoned(this, site_);
        end();
        state.release();
    }

    // Called if the executor destroys the posted operation without running it.
    void drop() noexcept {
        Guard given_back{granted ? &state_ : nullptr};
        end();
    }

    // Runs on the handler's executor.
    void complete() {
        Guard held{granted ? &state_ : nullptr};
        const auto error = granted ? boost::system::error_code{} : asio::error::operation_aborted;
        Handler handler = end();
        std::move(handler)(error, std::move(held));
    }

    asio::execution_context* context() const noexcept {
        if constexpr (asio::can_query_v<const work_type&, asio::execution::context_t>)
            return &asio::query(work_, asio::execution::context);
        else
            return nullptr;
    }

    State& state_;
    [[no_unique_address]] typename State::site_type site_;
    Handler handler_;
    work_type work_;
};

} // namespace detail

} // namespace chat
