// A mutex for coroutines: whoever finds it taken is suspended, not blocked, and resumed in arrival
// order on its own executor. Includes Asio and the standard library only, so that it can be copied
// out alone.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>

#include <list>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>

namespace chat {

namespace asio = boost::asio;

/// Threading policy: any thread may use the mutex and its guards at the same time.
struct concurrent {
    using lock_type = std::mutex;
};

/// Threading policy: one thread (or one strand) uses the mutex and its guards.
struct unsynchronized {
    struct lock_type {
        void lock() noexcept {}

        void unlock() noexcept {}
    };
};

template <class Executor = asio::any_io_executor, class Threading = concurrent>
class basic_async_mutex {
    class state;

public:
    using executor_type = Executor;

    template <class Other>
    struct rebind_executor {
        using other = basic_async_mutex<Other, Threading>;
    };

    /// Holds the lock; its destructor hands it to the next in the queue. May outlive the mutex.
    class [[nodiscard]] guard {
    public:
        guard() noexcept = default;
        guard(guard&& other) noexcept = default;

        guard& operator=(guard&& other) noexcept {
            guard released{std::exchange(state_, std::move(other.state_))};
            return *this;
        }

        ~guard() { unlock(); }

        bool owns_lock() const noexcept { return state_ != nullptr; }

        explicit operator bool() const noexcept { return owns_lock(); }

        /// Does nothing when nothing is held. Never runs a waiter: that one is posted to its
        /// executor.
        void unlock() noexcept {
            if (auto held = std::exchange(state_, nullptr)) {
                held->hand_over(held);
            }
        }

    private:
        friend basic_async_mutex;

        explicit guard(std::shared_ptr<state> held) noexcept
            : state_{std::move(held)} {}

        std::shared_ptr<state> state_;
    };

    explicit basic_async_mutex(const Executor& executor)
        : executor_{executor} {}

    template <class ExecutionContext>
        requires std::is_convertible_v<ExecutionContext&, asio::execution_context&>
    explicit basic_async_mutex(ExecutionContext& context)
        : executor_{context.get_executor()} {}

    /// Whoever still waits completes with operation_aborted.
    ~basic_async_mutex() { state_->abort_all(); }

    basic_async_mutex(const basic_async_mutex&) = delete;
    basic_async_mutex& operator=(const basic_async_mutex&) = delete;

    executor_type get_executor() const noexcept { return executor_; }

    /// An empty guard when taken, or when others wait.
    guard try_lock() { return state_->take() ? guard{state_} : guard{}; }

    /// Completes with void(error_code, guard), never before it returns; operation_aborted when
    /// cancelled.
    template <asio::completion_token_for<void(boost::system::error_code, guard)> Token>
    auto async_lock(Token&& token) {
        return asio::async_initiate<Token, void(boost::system::error_code, guard)>(initiation{this},
                                                                                   token);
    }

    /// For coroutines; throws system_error(operation_aborted) when cancelled. Does not suspend when
    /// free.
    asio::awaitable<guard, Executor> lock() {
        guard held = try_lock();
        if (!held) {
            held = co_await async_lock(asio::use_awaitable_t<Executor>{});
        }
        co_return std::move(held);
    }

private:
    struct waiter {
        virtual ~waiter() = default;
        virtual void complete(std::unique_ptr<waiter> self, boost::system::error_code ec,
                              guard held) = 0;
    };

    template <class Handler>
    struct waiting;

    using queue = std::list<std::unique_ptr<waiter>>;

    class state {
    public:
        bool take() {
            std::lock_guard lock{lock_};
            return !std::exchange(taken_, true);
        }

        // False and nothing queued when the lock was free: now it is the caller's.
        bool enqueue(std::unique_ptr<waiter>& next) {
            std::lock_guard lock{lock_};
            if (!std::exchange(taken_, true)) {
                return false;
            }
            waiters_.push_back(std::move(next));
            return true;
        }

        void hand_over(std::shared_ptr<state> self) {
            std::unique_lock lock{lock_};
            if (waiters_.empty()) {
                taken_ = false;
                return;
            }
            auto next = std::move(waiters_.front());
            waiters_.pop_front();
            lock.unlock();
            auto& target = *next;
            target.complete(std::move(next), {}, guard{std::move(self)});
        }

        void abort(const waiter* which) {
            std::unique_lock lock{lock_};
            for (auto at = waiters_.begin(); at != waiters_.end(); ++at) {
                if (at->get() == which) {
                    auto cancelled = std::move(*at);
                    waiters_.erase(at);
                    lock.unlock();
                    auto& target = *cancelled;
                    target.complete(std::move(cancelled), asio::error::operation_aborted, guard{});
                    return;
                }
            }
        }

        void abort_all() {
            queue aborted;
            {
                std::lock_guard lock{lock_};
                aborted.swap(waiters_);
            }
            for (auto& each : aborted) {
                auto& target = *each;
                target.complete(std::move(each), asio::error::operation_aborted, guard{});
            }
        }

    private:
        typename Threading::lock_type lock_;
        bool taken_ = false;
        queue waiters_;
    };

    // Its address identifies the operation until its handler runs: only then is the slot cleared.
    template <class Handler>
    struct waiting final : waiter {
        using executor = asio::associated_executor_t<Handler, Executor>;
        using work = std::decay_t<decltype(asio::prefer(
            std::declval<executor>(), asio::execution::outstanding_work.tracked))>;

        Handler handler_;
        work work_;

        waiting(Handler handler, const Executor& fallback)
            : handler_{std::move(handler)}
            , work_{asio::prefer(asio::get_associated_executor(handler_, fallback),
                                 asio::execution::outstanding_work.tracked)} {}

        struct completion {
            std::unique_ptr<waiting> self;
            boost::system::error_code ec;
            guard held;

            void operator()() {
                asio::get_associated_cancellation_slot(self->handler_).clear();
                Handler handler{std::move(self->handler_)};
                auto kept = std::move(self->work_);
                self.reset();
                std::move(handler)(ec, std::move(held));
            }
        };

        void complete(std::unique_ptr<waiter> self, boost::system::error_code ec,
                      guard held) override {
            auto target = work_;
            asio::post(target,
                       completion{std::unique_ptr<waiting>{static_cast<waiting*>(self.release())},
                                  ec, std::move(held)});
        }
    };

    struct canceller {
        std::weak_ptr<state> from;
        const waiter* which;

        void operator()(asio::cancellation_type type) {
            if (type != asio::cancellation_type::none) {
                if (auto alive = from.lock()) {
                    alive->abort(which);
                }
            }
        }
    };

    struct initiation {
        using executor_type = Executor;
        basic_async_mutex* mutex;

        executor_type get_executor() const noexcept { return mutex->executor_; }

        template <class Handler>
        void operator()(Handler&& handler) const {
            auto slot = asio::get_associated_cancellation_slot(handler);
            std::unique_ptr<waiter> next = std::make_unique<waiting<std::decay_t<Handler>>>(
                std::forward<Handler>(handler), mutex->executor_);
            auto& target = *next;
            auto shared = mutex->state_;
            if (slot.is_connected()) {
                slot.template emplace<canceller>(canceller{shared, &target});
            }
            if (!shared->enqueue(next)) {
                target.complete(std::move(next), {}, guard{std::move(shared)});
            }
        }
    };

    Executor executor_;
    std::shared_ptr<state> state_ = std::make_shared<state>();
};

using async_mutex = basic_async_mutex<>;
using unsynchronized_async_mutex = basic_async_mutex<asio::any_io_executor, unsynchronized>;

} // namespace chat
