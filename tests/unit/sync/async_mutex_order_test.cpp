// The async mutex: completion tokens, the order of waiters, and the executors that their handlers
// run on. Each test is named after a trap that other async mutexes fell into. Every test of the
// four async_mutex_*_test.cpp runs on one thread and produces the relevant orders by hand. For
// threads see mutex_stress_test.cpp, for every possible order mutex_exploration_test.cpp.
#include "tests/unit/sync/async_mutex_testing.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

using namespace chat;
using namespace std::chrono_literals;

#ifndef CHAT_TEST_ONE_MUTEX // mutants compile faster without this part

// --- Completion tokens -----------------------------------------------------------------------

namespace {

template <class Mutex>
coroutine<Mutex> all_coroutine_tokens(Mutex& mutex) {
    {
        auto guard = co_await mutex.async_lock(use_it<Mutex>);
        REQUIRE(guard.owns_lock());
    }
    {
        auto operation = mutex.async_lock(asio::deferred);
        auto guard = co_await std::move(operation);
        REQUIRE(guard.owns_lock());
    }
    {
        auto [ec, guard] = co_await mutex.async_lock(asio::as_tuple(use_it<Mutex>));
        REQUIRE_FALSE(ec);
        REQUIRE(guard.owns_lock());
    }
    {
        error_code ec;
        auto guard = co_await mutex.async_lock(asio::redirect_error(use_it<Mutex>, ec));
        REQUIRE_FALSE(ec);
        REQUIRE(guard.owns_lock());
    }
    auto guard = co_await mutex.lock();
    REQUIRE(guard.owns_lock());
}

} // namespace

TEST_CASE_TEMPLATE("every completion token gets its guard, whether the lock is free or taken",
                   Mutex, BOTH_MUTEXES) {
    asio::io_context loop;
    Mutex mutex{loop};
    run(loop, all_coroutine_tokens(mutex));

    outcome<Mutex> callback;
    mutex.async_lock(callback.handler());
    auto future = mutex.async_lock(asio::use_future);
    poll(loop);
    CHECK(callback.granted());
    CHECK(future.wait_for(0s) == std::future_status::timeout);
    callback.guard.unlock();
    poll(loop);
    CHECK(future.get().owns_lock());
}

TEST_CASE("the mutex uses the default completion token of its executor") {
    using token = asio::use_awaitable_t<>;
    using mutex_type = token::as_default_on_t<async_mutex>;
    asio::io_context loop;
    mutex_type mutex{loop};
    run(loop, [](mutex_type& m) -> asio::awaitable<void> {
        auto guard = co_await m.async_lock();
        REQUIRE(guard.owns_lock());
    }(mutex));
}

#endif

// --- Order and hand-off ----------------------------------------------------------------------

TEST_CASE_TEMPLATE("a handler runs neither inside async_lock nor inside unlock", Mutex,
                   BOTH_MUTEXES) {
    asio::io_context loop;
    Mutex mutex{loop};
    asio::post(loop, [&] { // inside run(), where dispatch would run the handler at once
        outcome<Mutex> first;
        outcome<Mutex> second;
        mutex.async_lock(first.handler());
        CHECK(first.runs == 0);
        mutex.async_lock(second.handler());
        loop.poll_one();
        REQUIRE(first.granted());
        first.guard.unlock();
        CHECK(second.runs == 0);
        loop.poll_one();
        CHECK(second.granted());
    });
    poll(loop);
}

TEST_CASE_TEMPLATE("waiters are served in the order they came", Mutex, BOTH_MUTEXES) {
    asio::io_context loop;
    Mutex mutex{loop};
    std::vector<int> order;
    for (int id = 0; id != 5; ++id)
        mutex.async_lock([&, id](error_code, typename Mutex::guard) { order.push_back(id); });
    poll(loop);
    CHECK(order == std::vector{0, 1, 2, 3, 4});
}

TEST_CASE_TEMPLATE("try_lock does not overtake the queue", Mutex, BOTH_MUTEXES) {
    asio::io_context loop;
    Mutex mutex{loop};
    outcome<Mutex> waiter;
    auto held = mutex.try_lock();
    mutex.async_lock(waiter.handler());
    held.unlock();
    CHECK_FALSE(mutex.try_lock().owns_lock()); // granted, though its handler has not run yet
    poll(loop);
    CHECK(waiter.granted());
}

TEST_CASE_TEMPLATE("a latecomer does not overtake a waiter whose handler has not run", Mutex,
                   BOTH_MUTEXES) {
    asio::io_context loop;
    Mutex mutex{loop};
    outcome<Mutex> first;
    outcome<Mutex> late;
    auto held = mutex.try_lock();
    mutex.async_lock(first.handler());
    held.unlock();
    mutex.async_lock(late.handler());
    poll(loop);
    CHECK(first.granted());
    CHECK(late.runs == 0);
}

TEST_CASE_TEMPLATE("the lock is free again after the last waiter", Mutex, BOTH_MUTEXES) {
    asio::io_context loop;
    Mutex mutex{loop};
    for (int round = 0; round != 3; ++round) {
        outcome<Mutex> waiter;
        auto held = mutex.try_lock();
        REQUIRE(held.owns_lock());
        mutex.async_lock(waiter.handler());
        held.unlock();
        poll(loop);
        REQUIRE(waiter.granted());
    }
    CHECK(mutex.try_lock().owns_lock());
}

TEST_CASE_TEMPLATE("the stack does not grow with a queue of a million waiters", Mutex,
                   BOTH_MUTEXES) {
    asio::io_context loop;
    Mutex mutex{loop};
#ifdef CHAT_TEST_ONE_MUTEX
    const int waiters = 20'000;
#else
    const int waiters = 1'000'000;
#endif
    std::uintptr_t lowest = UINTPTR_MAX;
    std::uintptr_t highest = 0;
    int served = 0;
    auto held = mutex.try_lock();
    for (int id = 0; id != waiters; ++id) {
        mutex.async_lock([&](error_code, typename Mutex::guard guard) {
            const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
            lowest = std::min(lowest, here);
            highest = std::max(highest, here);
            ++served;
            guard.unlock();
        });
    }
    held.unlock();
    poll(loop);
    CHECK(served == waiters);
    CHECK(highest - lowest < 1024);
}

// --- Executors -------------------------------------------------------------------------------

TEST_CASE_TEMPLATE("a waiter is resumed on its own executor", Mutex, BOTH_MUTEXES) {
    asio::io_context loop;
    asio::io_context own;
    Mutex mutex{loop};
    outcome<Mutex> at_once;
    outcome<Mutex> later;
    mutex.async_lock(asio::bind_executor(own, at_once.handler()));
    mutex.async_lock(asio::bind_executor(own, later.handler()));
    CHECK(poll(loop) == 0);
    CHECK(poll(own) == 1);
    REQUIRE(at_once.granted());
    at_once.guard.unlock();
    CHECK(poll(loop) == 0);
    CHECK(poll(own) == 1);
    CHECK(later.granted());
}

TEST_CASE_TEMPLATE("a waiter keeps its own context running", Mutex, BOTH_MUTEXES) {
    asio::io_context loop;
    asio::io_context own;
    Mutex mutex{loop};
    outcome<Mutex> waiter;
    auto held = mutex.try_lock();
    mutex.async_lock(asio::bind_executor(own, waiter.handler()));
    CHECK(poll(own) == 0);
    CHECK_FALSE(own.stopped());
    held.unlock();
    CHECK(poll(own) == 1);
    CHECK(own.stopped());
}

#ifndef CHAT_TEST_ONE_MUTEX

TEST_CASE("strands and thread pools are executors like any other") {
    asio::thread_pool pool{1};
    auto strand = asio::make_strand(pool.get_executor());
    basic_async_mutex<decltype(strand)> mutex{strand};
    auto first = mutex.async_lock(asio::use_future);
    auto second = mutex.async_lock(asio::use_future);
    first.get().unlock();
    CHECK(second.get().owns_lock());
    pool.join();
}

#endif
