// The async mutex: cancellation of waiters, and the lifetime of the signals that cancel them.
#include "tests/unit/sync/async_mutex_testing.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <deque>
#include <exception>
#include <vector>

using namespace chat;
using namespace std::chrono_literals;
using asio::cancellation_type;
using boost::system::system_error;

TEST_CASE_TEMPLATE("each type of cancellation aborts a waiter", Mutex, BOTH_MUTEXES) {
    for (const auto type :
         {cancellation_type::terminal, cancellation_type::partial, cancellation_type::total}) {
        asio::io_context loop;
        Mutex mutex{loop};
        asio::cancellation_signal stop;
        outcome<Mutex> waiter;
        auto held = mutex.try_lock();
        lock_cancellably(mutex, stop, waiter);
        stop.emit(cancellation_type::none);
        CHECK(poll(loop) == 0);
        stop.emit(type);
        CHECK(waiter.runs == 0); // never inside emit
        poll(loop);
        CHECK(waiter.aborted());
        CHECK_FALSE(stop.slot().has_handler());
        held.unlock();
        CHECK(mutex.try_lock().owns_lock());
    }
}

TEST_CASE_TEMPLATE("cancelling the first, the middle or the last waiter keeps the others in order",
                   Mutex, BOTH_MUTEXES) {
    for (std::size_t victim = 0; victim != 3; ++victim) {
        asio::io_context loop;
        Mutex mutex{loop};
        std::deque<asio::cancellation_signal> stop(3);
        std::vector<std::size_t> order;
        auto held = mutex.try_lock();
        for (std::size_t id = 0; id != 3; ++id) {
            mutex.async_lock(asio::bind_cancellation_slot(
                stop[id].slot(), [&, id](error_code ec, typename Mutex::guard guard) {
                    REQUIRE(ec.failed() == (id == victim));
                    REQUIRE(guard.owns_lock() == (id != victim));
                    order.push_back(id);
                }));
        }
        stop[victim].emit(cancellation_type::terminal);
        held.unlock();
        poll(loop);
        std::vector<std::size_t> expected{victim};
        for (std::size_t id = 0; id != 3; ++id) {
            if (id != victim)
                expected.push_back(id);
        }
        CHECK(order == expected);
        CHECK(mutex.try_lock().owns_lock());
    }
}

TEST_CASE_TEMPLATE("a cancellation after the grant comes too late", Mutex, BOTH_MUTEXES) {
    asio::io_context loop;
    Mutex mutex{loop};
    asio::cancellation_signal stop;
    outcome<Mutex> waiter;
    outcome<Mutex> next;
    auto held = mutex.try_lock();
    lock_cancellably(mutex, stop, waiter);
    mutex.async_lock(next.handler());
    held.unlock(); // the grant is on its way
    stop.emit(cancellation_type::terminal);
    poll(loop);
    CHECK(waiter.granted());
    CHECK(next.runs == 0);
    waiter.guard.unlock();
    poll(loop);
    CHECK(next.granted());
}

TEST_CASE_TEMPLATE("a grant after a cancellation goes to the next waiter", Mutex, BOTH_MUTEXES) {
    asio::io_context loop;
    Mutex mutex{loop};
    asio::cancellation_signal stop;
    outcome<Mutex> waiter;
    outcome<Mutex> next;
    auto held = mutex.try_lock();
    lock_cancellably(mutex, stop, waiter);
    mutex.async_lock(next.handler());
    stop.emit(cancellation_type::terminal);
    stop.emit(cancellation_type::terminal); // the second time has no effect
    held.unlock();
    poll(loop);
    CHECK(waiter.aborted());
    CHECK(next.granted());
}

TEST_CASE_TEMPLATE("cancelling the only waiter does not keep the lock from being freed", Mutex,
                   BOTH_MUTEXES) {
    asio::io_context loop;
    Mutex mutex{loop};
    asio::cancellation_signal stop;
    outcome<Mutex> waiter;
    auto held = mutex.try_lock();
    lock_cancellably(mutex, stop, waiter);
    stop.emit(cancellation_type::terminal);
    held.unlock();
    CHECK(mutex.try_lock().owns_lock());
    poll(loop);
    CHECK(waiter.aborted());
}

TEST_CASE_TEMPLATE("a cancellation signal can be used again for the next operation", Mutex,
                   BOTH_MUTEXES) {
    asio::io_context loop;
    Mutex mutex{loop};
    asio::cancellation_signal stop;
    outcome<Mutex> first;
    outcome<Mutex> second;
    auto held = mutex.try_lock();
    lock_cancellably(mutex, stop, first);
    held.unlock();
    poll(loop);
    REQUIRE(first.granted());
    lock_cancellably(mutex, stop, second);
    stop.emit(cancellation_type::total);
    poll(loop);
    CHECK(second.aborted());
}

namespace {

template <class Mutex>
coroutine<Mutex> lock_although_cancelled(Mutex& mutex, bool& acquired) {
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await asio::post(use_it<Mutex>); // the test cancels here
    co_await asio::post(use_it<Mutex>); // co_spawn passes that on with a post of its own
    co_await asio::this_coro::throw_if_cancelled(true);
    auto guard = co_await mutex.lock();
    acquired = true;
}

} // namespace

TEST_CASE_TEMPLATE("a coroutine that was cancelled before it locks does not get the lock", Mutex,
                   BOTH_MUTEXES) {
    asio::io_context loop;
    Mutex mutex{loop};
    asio::cancellation_signal stop;
    bool acquired = false;
    std::exception_ptr failure;
    asio::co_spawn(loop, lock_although_cancelled(mutex, acquired),
                   asio::bind_cancellation_slot(
                       stop.slot(), [&](std::exception_ptr error) { failure = error; }));
    loop.poll_one();
    stop.emit(cancellation_type::terminal);
    poll(loop);
    CHECK_FALSE(acquired);
    REQUIRE(failure);
    CHECK_THROWS_AS(std::rethrow_exception(failure), system_error);
    CHECK(mutex.try_lock().owns_lock());
}

TEST_CASE_TEMPLATE("a signal that outlives its waiter's context does nothing", Mutex,
                   BOTH_MUTEXES) {
    asio::cancellation_signal stop;
    asio::io_context loop;
    Mutex mutex{loop};
    outcome<Mutex> waiter;
    auto held = mutex.try_lock();
    {
        asio::io_context dying;
        mutex.async_lock(asio::bind_executor(
            dying, asio::bind_cancellation_slot(stop.slot(), waiter.handler())));
    }
    stop.emit(cancellation_type::terminal);
    poll(loop);
    CHECK(waiter.runs == 0);
}

TEST_CASE_TEMPLATE("a signal may be destroyed before its waiter's context", Mutex, BOTH_MUTEXES) {
    asio::io_context loop;
    Mutex mutex{loop};
    outcome<Mutex> waiter;
    auto held = mutex.try_lock();
    {
        asio::io_context dying;
        asio::cancellation_signal stop;
        mutex.async_lock(asio::bind_executor(
            dying, asio::bind_cancellation_slot(stop.slot(), waiter.handler())));
    }
    CHECK(waiter.runs == 0);
}

TEST_CASE_TEMPLATE("a signal may be destroyed before its waiter gets the lock", Mutex,
                   BOTH_MUTEXES) {
    asio::io_context loop;
    Mutex mutex{loop};
    outcome<Mutex> waiter;
    auto held = mutex.try_lock();
    {
        asio::cancellation_signal stop;
        lock_cancellably(mutex, stop, waiter);
    }
    held.unlock();
    poll(loop);
    CHECK(waiter.granted());
}

#ifndef CHAT_TEST_ONE_MUTEX

namespace {

asio::awaitable<void> lock_or_timeout(async_mutex& mutex, std::chrono::milliseconds limit,
                                      bool& acquired) {
    using namespace asio::experimental::awaitable_operators;
    asio::steady_timer timer{mutex.get_executor(), limit};
    auto either = co_await (mutex.lock() || timer.async_wait(asio::use_awaitable));
    acquired = either.index() == 0;
}

} // namespace

TEST_CASE("waiting for the lock or a timer ends with whichever comes first") {
    asio::io_context loop;
    async_mutex mutex{loop};
    bool acquired = true;
    {
        auto held = mutex.try_lock();
        run(loop, lock_or_timeout(mutex, 1ms, acquired));
        CHECK_FALSE(acquired);
    }
    run(loop, lock_or_timeout(mutex, 1h, acquired));
    CHECK(acquired);
    CHECK(mutex.try_lock().owns_lock());
}

#endif
