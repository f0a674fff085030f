// The async mutex: handlers that throw, and mutexes, execution contexts and waiters that are
// destroyed while others still use them.
#include "tests/unit/sync/async_mutex_testing.hpp"

#include <boost/asio/bind_executor.hpp>

#include <doctest/doctest.h>

#include <deque>
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

using namespace chat;
using asio::cancellation_type;

TEST_CASE_TEMPLATE("a handler that throws releases the lock", Mutex, BOTH_MUTEXES) {
    asio::io_context loop;
    Mutex mutex{loop};
    auto held = mutex.try_lock();
    mutex.async_lock(
        [](error_code, typename Mutex::guard&&) { throw std::runtime_error{"handler"}; });
    held.unlock();
    CHECK_THROWS_AS(poll(loop), std::runtime_error);
    mutex.async_lock(
        [](error_code, typename Mutex::guard&&) { throw std::runtime_error{"handler"}; });
    CHECK_THROWS_AS(poll(loop), std::runtime_error);
    CHECK(mutex.try_lock().owns_lock());
}

TEST_CASE_TEMPLATE("destroying the mutex aborts its waiters", Mutex, BOTH_MUTEXES) {
    asio::io_context loop;
    std::optional<Mutex> mutex{std::in_place, loop};
    asio::cancellation_signal stop;
    outcome<Mutex> plain;
    outcome<Mutex> cancellable;
    auto held = mutex->try_lock();
    mutex->async_lock(plain.handler());
    lock_cancellably(*mutex, stop, cancellable);
    mutex.reset();
    CHECK(plain.runs == 0);
    CHECK(held.owns_lock());
    held.unlock();
    stop.emit(cancellation_type::terminal); // in flight, and nothing else keeps the state alive
    poll(loop);
    CHECK(plain.aborted());
    CHECK(cancellable.aborted());
}

TEST_CASE_TEMPLATE("a guard and a grant in flight may outlive the mutex", Mutex, BOTH_MUTEXES) {
    asio::io_context loop;
    std::optional<Mutex> mutex{std::in_place, loop};
    asio::cancellation_signal stop;
    outcome<Mutex> waiter;
    auto held = mutex->try_lock();
    lock_cancellably(*mutex, stop, waiter);
    held.unlock();
    mutex.reset();
    stop.emit(cancellation_type::terminal);
    poll(loop);
    CHECK(waiter.granted());
    waiter.guard.unlock();
    CHECK_FALSE(waiter.guard.owns_lock());
}

TEST_CASE_TEMPLATE("destroying a context passes on a grant in flight", Mutex, BOTH_MUTEXES) {
    asio::io_context loop;
    std::optional<asio::io_context> dying{std::in_place};
    Mutex mutex{loop};
    outcome<Mutex> at_once;
    outcome<Mutex> next;
    mutex.async_lock(asio::bind_executor(*dying, at_once.handler()));
    mutex.async_lock(next.handler());
    dying.reset();
    poll(loop);
    CHECK(at_once.runs == 0);
    REQUIRE(next.granted());

    dying.emplace();
    outcome<Mutex> handed;
    outcome<Mutex> last;
    mutex.async_lock(asio::bind_executor(*dying, handed.handler()));
    mutex.async_lock(last.handler());
    next.guard.unlock();
    dying.reset();
    poll(loop);
    CHECK(handed.runs == 0);
    CHECK(last.granted());
}

TEST_CASE_TEMPLATE("destroying a context removes its waiters and the queue continues", Mutex,
                   BOTH_MUTEXES) {
    asio::io_context loop;
    std::optional<asio::io_context> dying{std::in_place};
    Mutex mutex{loop};
    outcome<Mutex> doomed;
    outcome<Mutex> between;
    outcome<Mutex> last;
    auto held = mutex.try_lock();
    mutex.async_lock(asio::bind_executor(*dying, doomed.handler()));
    mutex.async_lock(between.handler());
    mutex.async_lock(asio::bind_executor(*dying, doomed.handler()));
    mutex.async_lock(last.handler());
    dying.reset();
    CHECK(doomed.runs == 0);
    held.unlock();
    poll(loop);
    REQUIRE(between.granted());
    between.guard.unlock();
    poll(loop);
    CHECK(last.granted());
    last.guard.unlock();
    CHECK(mutex.try_lock().owns_lock());
}

namespace {

template <class Mutex>
coroutine<Mutex> lock_once(Mutex& mutex) {
    auto guard = co_await mutex.lock();
}

} // namespace

TEST_CASE_TEMPLATE("the mutex's own context may be destroyed first, with coroutines in the queue",
                   Mutex, BOTH_MUTEXES) {
    std::optional<asio::io_context> loop{std::in_place};
    Mutex mutex{*loop};
    auto held = mutex.try_lock();
    for (int i = 0; i != 3; ++i)
        asio::co_spawn(*loop, lock_once(mutex), [](std::exception_ptr) {});
    loop->poll();
    loop.reset();
    held.unlock();
    CHECK(mutex.try_lock().owns_lock());
    loop.emplace(); // possibly at the same address, but another context
    outcome<Mutex> waiter;
    held = mutex.try_lock();
    mutex.async_lock(asio::bind_executor(*loop, waiter.handler()));
    loop.reset();
    held.unlock();
    CHECK(waiter.runs == 0);
    CHECK(mutex.try_lock().owns_lock());
}

namespace {

/// A handler that does nothing when it runs and cancels others when it is destroyed.
template <class Mutex>
struct cancels_when_destroyed {
    std::deque<asio::cancellation_signal>* others;

    explicit cancels_when_destroyed(std::deque<asio::cancellation_signal>& signals)
        : others{&signals} {}

    cancels_when_destroyed(cancels_when_destroyed&& from) noexcept
        : others{std::exchange(from.others, nullptr)} {}

    ~cancels_when_destroyed() {
        if (others) {
            for (auto& each : *others)
                each.emit(cancellation_type::terminal);
        }
    }

    void operator()(error_code, typename Mutex::guard) {}
};

} // namespace

TEST_CASE_TEMPLATE("a waiter may cancel others that are destroyed with it", Mutex, BOTH_MUTEXES) {
    asio::io_context loop;
    Mutex mutex{loop};
    std::deque<asio::cancellation_signal> stop(3);
    outcome<Mutex> doomed;
    auto held = mutex.try_lock();
    {
        asio::io_context dying;
        mutex.async_lock(asio::bind_executor(dying, cancels_when_destroyed<Mutex>{stop}));
        for (auto& each : stop) {
            mutex.async_lock(asio::bind_executor(
                dying, asio::bind_cancellation_slot(each.slot(), doomed.handler())));
        }
    }
    poll(loop);
    CHECK(doomed.runs == 0);
    held.unlock();
    CHECK(mutex.try_lock().owns_lock());
}
