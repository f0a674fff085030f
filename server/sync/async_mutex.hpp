// A mutex for Asio's coroutines and completion handlers: whoever finds it taken is suspended, not
// blocked. In: co_await lock(), async_lock(token), try_lock(). Out: a guard, to one at a time, in
// arrival order, each resumed on its own executor. Needs Asio and C++20, nothing else: copy this
// file wherever you like; basic_async_mutex, at its end, is the reference page.
//
// Calls nothing but Asio's public interface, from Boost 1.81 on: earlier ones cannot await a deferred
// operation. Tested with 1.81, the newest of Debian 12, and tried with 1.88, the newest of Debian
// 13. For Asio without Boost (tried with 1.30; Debian 12's 1.22 is too old):
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

/// Threading policy: any thread may use the mutex and its guards, at the same time.
struct concurrent {
    template <class T>
    using atomic = std::atomic<T>;
    using queue_mutex = std::mutex;
    using roster_mutex = std::mutex;
};

/// Threading policy: one thread, or one strand, uses the mutex, its guards and its waiters'
/// executors.
struct unsynchronized {
    /// What of std::atomic is used here, on a plain value.
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
            return value_ == expected ? (value_ = value, true) : (expected = value_, false);
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

/// Observer policy: nobody watches, nothing is stored, nothing is called.
///
/// Another observer replaces it to learn who holds, who waits, since when and from which line. Its
/// `site` is any copyable type with a static current(): std::source_location will do, or a type of
/// your own that also names the task. Its functions must not throw or use the mutex; they are
/// called from whatever thread acts, under no lock of the mutex, so that those of two threads may
/// overtake each other.
struct unobserved {
    struct site {
        static constexpr site current() noexcept { return {}; }
    };

    void waiting(const void* /*waiter*/, const site&) noexcept {} // is about to queue

    void acquired(const void* /*waiter*/, const site&) noexcept {} // null: it had not queued

    void abandoned(const void* /*waiter*/, const site&) noexcept {
    } // cancelled, or its context died

    void released() noexcept {}
};

// --- Internals -------------------------------------------------------------------------------

namespace detail {

/// An execution context, to those who post to it from other threads: it may not die meanwhile.
struct async_mutex_home {
    std::atomic<unsigned> arrivals{0};
};

/// An operation that found the lock taken. It is in the queue, or on its way to its handler: then
/// its place in the queue is memory for what is posted.
struct async_mutex_waiter {
    async_mutex_waiter() noexcept = default;
    async_mutex_waiter(const async_mutex_waiter&) = delete;
    async_mutex_waiter& operator=(const async_mutex_waiter&) = delete;

    /// Posts the handler; from here on the executor owns the waiter.
    virtual void deliver(bool granted) noexcept = 0;
    /// Destroys the waiter and its handler, unrun: its context dies.
    virtual void die() noexcept = 0;
    /// True if this thread runs the handler's context, which cannot die meanwhile. Called under the
    /// queue's mutex.
    virtual bool is_here() const noexcept = 0;

    struct place {
        async_mutex_waiter* next = nullptr;
        async_mutex_waiter* previous = nullptr;
        async_mutex_home* home = nullptr; // of the handler's context; null if it has none
    };

    bool queued = false;    // under the queue's mutex
    bool connected = false; // the handler's cancellation slot has our canceller
    bool granted = false;   // once delivered
    bool lent = false;      // the memory, to what is posted

    // The memory is as large as what io_context makes of it; what is larger has a block of its own.
    union {
        place at{};                                         // until it is delivered
        alignas(void*) std::byte memory[5 * sizeof(void*)]; // from then on
    };

protected:
    ~async_mutex_waiter() = default;
};

/// Waiters, oldest first. Owns none of them.
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

/// Waiters that left the queue and are not yet posted or destroyed, oldest first.
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

/// What an execution context must take along when it dies.
class async_mutex_member {
public:
    /// Moves the waiters of a dying context to `dead`.
    virtual void forget(const async_mutex_home& dying, async_mutex_departed& dead) noexcept = 0;

protected:
    ~async_mutex_member() = default;
};

/// In each execution context that waiters came from: knows the mutexes in whose queues they may be.
template <class RosterMutex>
class async_mutex_service final : public asio::execution_context::service, public async_mutex_home {
public:
    using key_type = async_mutex_service;
    inline static asio::execution_context::id id;

    /// Guards the members of all services, and so their ties to mutexes that come and go.
    /// Taken when a mutex or a context comes, goes or first meets the other, never to lock or
    /// unlock.
    inline static RosterMutex roster;

    explicit async_mutex_service(asio::execution_context& context)
        : service(context) {}

    std::list<async_mutex_member*> members;

private:
    void shutdown() override {
        async_mutex_departed dead;
        {
            std::lock_guard lock{roster};
            for (auto* member : members) {
                member->forget(*this, dead);
            }
            members.clear();
        }
        while (arrivals.load(std::memory_order_acquire) != 0) {
            std::this_thread::yield(); // another thread is about to post to this context
        }
        while (!dead.empty()) {
            dead.pop_front().die();
        }
    }
};

/// The lock itself. On the heap, since a grant in flight may outlive the mutex.
template <class Threading, class Observer>
class async_mutex_state final : private async_mutex_member {
public:
    using site_type = typename Observer::site;

    explicit async_mutex_state(Observer observer)
        : observer_{std::move(observer)} {}

    // The mutex object has a reference, and so has who may come when it is gone: a cancellation, and
    // a waiter that dies with its context. A holder has none, which keeps lock and unlock at one
    // atomic operation each: when the mutex object dies it inherits that one's (orphan).
    void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }

    void release() noexcept {
        if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            delete this;
        }
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

    /// For who will wait otherwise: to look costs less than an exchange that fails.
    bool lock_if_free(const site_type& site) noexcept {
        return word_.load(std::memory_order_relaxed) == word::free && try_lock(site);
    }

    /// False: the lock is the caller's after all. True: the waiter is in the queue, and may be
    /// gone.
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
        if (seen == word::held) {
            return false;
        }
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

    /// Aborts the waiter if it is still queued.
    void cancel(async_mutex_waiter& waiter) noexcept {
        {
            std::lock_guard lock{queue_mutex_};
            if (!waiter.queued) {
                return;
            }
            queue_.erase(waiter);
            settle();
            announce(waiter);
        }
        deliver(waiter, false);
    }

    /// The mutex object goes: waiters abort, and a holder, if any, inherits the reference.
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
        while (!aborted.empty()) {
            deliver(aborted.pop_front(), false);
        }
        leave_all();
        auto seen = word::held;
        {
            std::lock_guard lock{queue_mutex_}; // who unlocks may still be inside
            word_.compare_exchange_strong(seen, word::orphaned, std::memory_order_acq_rel,
                                          std::memory_order_acquire);
        }
        if (seen == word::free) {
            release();
        }
    }

    /// Makes the context call forget() when it dies.
    void join(asio::execution_context& context) {
        auto& of_context = asio::use_service<service>(context);
        std::lock_guard lock{service::roster};
        of_context.members.push_front(this);
        std::lock_guard also{queue_mutex_};
        contexts_.push_front({&context, &of_context, of_context.members.begin()});
    }

    Observer& observer() noexcept { return observer_; }

private:
    enum class word : unsigned char {
        free,      // -> held      whoever locks, by compare and exchange
        held,      // -> free      whoever unlocks, by compare and exchange
                   // -> contended the first who waits, under the queue's mutex
                   // -> orphaned  the mutex object's destructor, under the queue's mutex
        contended, // -> held      the last in the queue leaves it, granted or not, under the
                   // queue's mutex
        orphaned,  // the end: unlocking releases the reference that the mutex object left
    };

    using service = async_mutex_service<typename Threading::roster_mutex>;

    struct membership {
        asio::execution_context* context;
        service* known_to;
        std::list<async_mutex_member*>::iterator place;
    };

    // Held across no call but those of the queue: nothing of the user's ever runs under it.
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
        // Between the caller's attempt and this lock the last waiter was cancelled, or the mutex
        // destroyed.
        auto seen = word::held;
        const bool freed = word_.compare_exchange_strong(
            seen, word::free, std::memory_order_release, std::memory_order_relaxed);
        lock.unlock();
        if (!freed) {
            release();
        }
    }

    // After waiters left.
    void settle() noexcept {
        if (queue_.empty() && word_.load(std::memory_order_relaxed) == word::contended) {
            word_.store(word::held, std::memory_order_relaxed);
        }
    }

    // A waiter that has left the queue is about to be posted: its context waits for that if it
    // dies.
    static void announce(async_mutex_waiter& waiter) noexcept {
        if (waiter.is_here()) {
            waiter.at.home = nullptr;
        } else if (waiter.at.home) {
            waiter.at.home->arrivals.fetch_add(1, std::memory_order_relaxed);
        }
    }

    // Announced before, if need be. Neither the waiter nor this state need outlive its handler.
    static void deliver(async_mutex_waiter& waiter, bool granted) noexcept {
        auto* const home = waiter.at.home;
        waiter.deliver(granted);
        if (home) {
            home->arrivals.fetch_sub(1, std::memory_order_release);
        }
    }

    async_mutex_home* home_of(const asio::execution_context& context) const noexcept {
        for (const auto& each : contexts_) {
            if (each.context == &context) {
                return each.known_to;
            }
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
        for (const auto& each : contexts_) {
            each.known_to->members.erase(each.place);
        }
        contexts_.clear();
    }

    typename Threading::template atomic<word> word_{word::free};
    typename Threading::template atomic<unsigned> references_{1};
    typename Threading::queue_mutex queue_mutex_;
    async_mutex_queue queue_;
    std::list<membership>
        contexts_; // changed under the roster's and the queue's mutex, read under either
    [[no_unique_address]] Observer observer_;
};

/// The waiter of one handler type. Allocated with the handler's allocator.
template <class State, class Guard, class Handler, class Executor>
class async_mutex_wait final : public async_mutex_waiter {
    using executor_type = asio::associated_executor_t<Handler, Executor>;
    using work_type = std::decay_t<decltype(asio::prefer(
        std::declval<const executor_type&>(), asio::execution::outstanding_work.tracked))>;
    using proto_allocator = asio::associated_allocator_t<Handler, asio::recycling_allocator<void>>;
    using allocator_type =
        typename std::allocator_traits<proto_allocator>::template rebind_alloc<async_mutex_wait>;
    using allocator_traits = std::allocator_traits<allocator_type>;

    // Of the usual executor more is known: it allocates what it posts at once, and never later, and
    // tells whether it runs on this thread without calling anything of the user's. So it is in Boost
    // 1.81 (io_context::basic_executor_type::execute, executor_op): look there when Asio changes.
    static constexpr bool on_loop = std::is_same_v<executor_type, asio::io_context::executor_type>;

public:
    /// Queues the handler, or posts it when the lock is free after all.
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
            if (slot.is_connected()) {
                slot.template emplace<canceller>(*self);
            }
            state.observer().waiting(self, site);
            if (!state.enqueue(*self, self->context())) {
                self->deliver(true);
            }
        } catch (...) {
            if (self) {
                self->end();
            } else {
                allocator_traits::deallocate(allocator, memory, 1);
            }
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
    /// Sits in the waiter's cancellation slot, not longer than the waiter lives.
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

        /// All types count: an operation that only waits has no partial effect.
        void operator()(asio::cancellation_type type) const {
            if (type != asio::cancellation_type::none) {
                wait.state_.cancel(wait); // may run the handler elsewhere, and so end *this
            }
        }

        async_mutex_wait& wait;
    };

    static allocator_type allocator_of(const Handler& handler) noexcept {
        return allocator_type(proto_allocator_of(handler));
    }

    static proto_allocator proto_allocator_of(const Handler& handler) noexcept {
        return asio::get_associated_allocator(handler, asio::recycling_allocator<void>());
    }

    /// Destroys the waiter, gives its memory back, and returns the handler, which may own the arena
    /// that the memory is from.
    Handler end() {
        auto allocator = allocator_of(handler_);
        if (connected) { // or the signal is gone, or serves another operation by now
            asio::get_associated_cancellation_slot(handler_).clear();
        }
        Handler handler{std::move(handler_)};
        std::destroy_at(this);
        allocator_traits::deallocate(allocator, this, 1);
        return handler;
    }

    /// Has what is posted lie in the waiter, if it fits, so that a waiter takes one block in all.
    /// Its copies may outlive the waiter, but do not allocate then.
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
            if (reinterpret_cast<std::byte*>(memory) != wait_->memory) {
                rebound{proto_}.deallocate(memory, n);
            }
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

    /// What is posted. Destroyed without having run it destroys the handler, and gives back a
    /// grant.
    class delivery {
    public:
        using allocator_type =
            std::conditional_t<on_loop, delivery_allocator<void>, proto_allocator>;

        explicit delivery(async_mutex_wait& wait) noexcept
            : wait_{&wait} {}

        delivery(delivery&& other) noexcept
            : wait_{std::exchange(other.wait_, nullptr)} {}

        ~delivery() {
            if (wait_) {
                wait_->drop();
            }
        }

        allocator_type get_allocator() const noexcept {
            if constexpr (on_loop) {
                return allocator_type{*wait_};
            } else {
                return proto_allocator_of(wait_->handler_);
            }
        }

        void operator()() { std::exchange(wait_, nullptr)->complete(); }

    private:
        async_mutex_wait* wait_;
    };

    void deliver(bool with_lock) noexcept override {
        granted = with_lock;
        if (granted) {
            state_.observer().acquired(this, site_);
        } else {
            state_.observer().abandoned(this, site_);
        }
        asio::post(asio::prefer(work_, asio::execution::outstanding_work.untracked),
                   delivery{*this});
    }

    bool is_here() const noexcept override {
        if constexpr (on_loop) {
            return work_.running_in_this_thread();
        } else {
            return false;
        }
    }

    void die() noexcept override {
        auto& state = state_;
        state.observer().abandoned(this, site_);
        end();
        state.release();
    }

    // The executor destroyed what was posted, and will never run it.
    void drop() noexcept {
        Guard given_back{granted ? &state_ : nullptr};
        end();
    }

    // On the handler's executor.
    void complete() {
        Guard held{granted ? &state_ : nullptr};
        const auto error = granted ? boost::system::error_code{} : asio::error::operation_aborted;
        Handler handler = end();
        std::move(handler)(error, std::move(held));
    }

    asio::execution_context* context() const noexcept {
        if constexpr (asio::can_query_v<const work_type&, asio::execution::context_t>) {
            return &asio::query(work_, asio::execution::context);
        } else {
            return nullptr;
        }
    }

    State& state_;
    [[no_unique_address]] typename State::site_type site_;
    Handler handler_;
    work_type work_;
};

} // namespace detail

// --- The mutex -------------------------------------------------------------------------------

/// Mutual exclusion for coroutines and completion handlers, first come, first served.
///
/// A waiter is suspended while its thread goes on. Unlocking hands the lock to the oldest waiter
/// directly: it is never free in between, so nobody overtakes.
///
/// \code
/// asio::awaitable<void> append(chat::async_mutex& mutex, std::string& text) {
///     auto guard = co_await mutex.lock();
///     text += co_await read_line(); // others wait, no thread does
/// }                                 // unlocked
/// \endcode
///
/// \tparam Executor   Where handlers run that have no associated executor of their own.
/// \tparam Threading  `concurrent` or `unsynchronized`.
/// \tparam Observer   `unobserved`, or what is told who holds and who waits.
///
/// \par Thread safety
/// Distinct objects: safe. Shared objects: safe with `concurrent`, but for construction and
/// destruction; unsafe with `unsynchronized`. A guard may be released on any thread.
///
/// \par Handlers
/// A handler is always posted to its own associated executor, on which work is outstanding until
/// then. It never runs inside a member function of the mutex or its guard, and the mutex holds no
/// lock of its own while anything of the user's runs. A chain of a million waiters takes no more
/// stack than one. If a waiter's executor cannot take it, because its post throws, unlocking calls
/// std::terminate.
///
/// \par Memory
/// The state is allocated once. try_lock() and an uncontended `co_await lock()` allocate nothing
/// but the coroutine's frame, which Asio recycles. A waiter takes one block from its handler's
/// associated allocator, or from asio::recycling_allocator if it has none, and gives it back before
/// the handler runs. What is posted lies in it if the handler's executor is that of an io_context and
/// the allocator has no state. Otherwise it is a second block, which any_io_executor takes from
/// Asio's recycled memory. The first waiter from another execution context ties the two, once.
///
/// \par Cancellation
/// Terminal, partial and total are supported, and mean the same: a waiter leaves the queue, in
/// constant time, and completes with asio::error::operation_aborted and an empty guard. Either it
/// is cancelled or it gets the lock, also when the two meet on different threads; a cancellation
/// that comes second does nothing. As for every operation of Asio, a signal must not be emitted
/// while the handler itself starts on another thread: emit on the handler's strand.
///
/// \par Ends of lives
/// - The mutex dies with waiters: they complete with operation_aborted. A guard, or a grant on its
///   way to its handler, may outlive the mutex.
/// - An execution context dies with waiters: their handlers are destroyed unrun, and the queue goes
///   on without them. Waiters of an executor that has no execution context must leave before it.
/// - A handler is destroyed unrun, or throws: the lock that it was granted goes to the next.
template <class Executor = asio::any_io_executor, class Threading = concurrent,
          class Observer = unobserved>
class basic_async_mutex {
    using state_type = detail::async_mutex_state<Threading, Observer>;

public:
    using executor_type = Executor;
    using site_type = typename Observer::site;

    /// The same with another executor, for `token::as_default_on_t<mutex>`.
    template <class Other>
    struct rebind_executor {
        using other = basic_async_mutex<Other, Threading, Observer>;
    };

    /// Holds the lock, or nothing; its destructor unlocks. May move between threads, outlive the
    /// mutex, and be kept across a co_await: the type is our own, since tools rightly warn of a
    /// std::lock_guard there.
    class [[nodiscard]] guard {
    public:
        /// Holds nothing.
        guard() noexcept = default;

        /// Takes over a lock that release() left taken.
        guard(basic_async_mutex& mutex, std::adopt_lock_t) noexcept
            : state_{mutex.state_} {}

        guard(guard&& other) noexcept
            : state_{std::exchange(other.state_, nullptr)} {}

        /// Unlocks what it held.
        guard& operator=(guard&& other) noexcept {
            guard{std::move(other)}.swap(*this);
            return *this;
        }

        ~guard() { unlock(); }

        void swap(guard& other) noexcept { std::swap(state_, other.state_); }

        bool owns_lock() const noexcept { return state_ != nullptr; }

        explicit operator bool() const noexcept { return owns_lock(); }

        /// Hands the lock to the oldest waiter, by posting. Does nothing when nothing is held.
        void unlock() noexcept {
            if (auto* held = std::exchange(state_, nullptr)) {
                held->unlock();
            }
        }

        /// Leaves the lock taken, for a guard that adopts it before the mutex dies.
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

    /// Whoever waits completes with operation_aborted. Who holds the lock may keep it.
    ~basic_async_mutex() { state_->orphan(); }

    executor_type get_executor() const noexcept { return executor_; }

    /// An empty guard if the lock is taken, as it is while anybody waits. In hot loops try first,
    /// then await: a coroutine's frame costs more than the lock.
    guard try_lock(site_type site = site_type::current()) noexcept {
        return guard{state_->try_lock(site) ? state_ : nullptr};
    }

    /// Starts to wait for the lock. The mutex must live until the operation has started (a deferred
    /// one starts late), not longer.
    ///
    /// Completion signature: `void(boost::system::error_code, guard)`. The only error is
    /// operation_aborted; the guard is then empty.
    template <asio::completion_token_for<void(boost::system::error_code, guard)> Token =
                  asio::default_completion_token_t<Executor>>
    auto async_lock(Token&& token = {}, site_type site = site_type::current()) {
        return asio::async_initiate<Token, void(boost::system::error_code, guard)>(initiation{this},
                                                                                   token, site);
    }

    /// The short form for coroutines of this executor. Does not suspend if the lock is free.
    /// \throws boost::system::system_error operation_aborted; then the lock was not acquired.
    asio::awaitable<guard, Executor> lock(site_type site = site_type::current()) {
        if (state_->lock_if_free(site)) {
            co_return guard{state_};
        }
        auto turn = async_lock(asio::deferred, site);
        co_return co_await std::move(turn);
    }

private:
    /// Runs when the operation starts. No destructor, so that g++ 12 keeps it whole.
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

/// For any executor and any thread.
using async_mutex = basic_async_mutex<>;

/// For any executor, on one thread or strand.
using unsynchronized_async_mutex = basic_async_mutex<asio::any_io_executor, unsynchronized>;

} // namespace chat
