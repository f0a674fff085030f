// What the async mutex promises beyond the contract of both mutexes, each trap that others fell
// into by name. Every test runs on one thread: the orders that matter are made by hand. Threads:
// mutex_stress_test.cpp; every order: mutex_exploration_test.cpp.
#include "server/sync/async_mutex.hpp"
#include "server/sync/loop_executor.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <vector>

using namespace chat;
using namespace std::chrono_literals;
using asio::cancellation_type;
using boost::system::error_code;
using boost::system::system_error;

namespace {

// Both threading policies and both kinds of executor; the other two pairs add compile time only.
using concurrent_mutex = basic_async_mutex<loop_executor>;
using local_mutex = unsynchronized_async_mutex;
#ifdef CHAT_TEST_ONE_MUTEX
#define BOTH_MUTEXES concurrent_mutex
#else
#define BOTH_MUTEXES concurrent_mutex, local_mutex
#endif

template <class Mutex>
using coroutine = asio::awaitable<void, typename Mutex::executor_type>;

template <class Mutex>
inline constexpr asio::use_awaitable_t<typename Mutex::executor_type> use_it{};

// Runs a coroutine to its end and rethrows what it threw, in the test's body.
template <class Executor>
void run(asio::io_context& loop, asio::awaitable<void, Executor> body) {
    std::exception_ptr failure;
    asio::co_spawn(loop, std::move(body), [&](std::exception_ptr error) { failure = error; });
    loop.restart();
    loop.run();
    if (failure) {
        std::rethrow_exception(failure);
    }
}

// The outcome of one async_lock.
template <class Mutex>
struct outcome {
    int runs = 0;
    error_code ec;
    typename Mutex::guard guard;

    auto handler() {
        return [this](error_code result, typename Mutex::guard held) {
            ++runs;
            ec = result;
            guard = std::move(held);
        };
    }

    bool granted() const { return runs == 1 && !ec && guard.owns_lock(); }

    bool aborted() const {
        return runs == 1 && ec == asio::error::operation_aborted && !guard.owns_lock();
    }
};

template <class Mutex, class Signal>
void lock_cancellably(Mutex& mutex, Signal& stop, outcome<Mutex>& result) {
    mutex.async_lock(asio::bind_cancellation_slot(stop.slot(), result.handler()));
}

std::size_t poll(asio::io_context& loop) {
    loop.restart();
    return loop.poll();
}

} // namespace

#ifndef CHAT_TEST_ONE_MUTEX // the broken versions compile faster without

// --- Completion tokens
// ------------------------------------------------------------------------------------

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

TEST_CASE_TEMPLATE("every completion token gets its guard, free or taken", Mutex, BOTH_MUTEXES) {
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

TEST_CASE("the default completion token of the executor is the mutex's") {
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

// --- Order and hand-off
// -----------------------------------------------------------------------------------

TEST_CASE_TEMPLATE("a handler runs neither inside async_lock nor inside unlock", Mutex,
                   BOTH_MUTEXES) {
    asio::io_context loop;
    Mutex mutex{loop};
    asio::post(loop, [&] { // inside run(), where a dispatch would run at once
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
    for (int id = 0; id != 5; ++id) {
        mutex.async_lock([&, id](error_code, typename Mutex::guard) { order.push_back(id); });
    }
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

TEST_CASE_TEMPLATE("a late comer does not overtake a waiter whose handler has not run", Mutex,
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

TEST_CASE_TEMPLATE("the stack does not grow with the queue, a million long", Mutex, BOTH_MUTEXES) {
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

// --- Executors
// --------------------------------------------------------------------------------------------

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

// --- Cancellation
// -----------------------------------------------------------------------------------------

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

TEST_CASE_TEMPLATE("cancelling the first, a middle and the last waiter keeps the others in order",
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
            if (id != victim) {
                expected.push_back(id);
            }
        }
        CHECK(order == expected);
        CHECK(mutex.try_lock().owns_lock());
    }
}

TEST_CASE_TEMPLATE("a cancellation that meets a grant comes too late", Mutex, BOTH_MUTEXES) {
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

TEST_CASE_TEMPLATE("a grant that meets a cancellation goes to the next", Mutex, BOTH_MUTEXES) {
    asio::io_context loop;
    Mutex mutex{loop};
    asio::cancellation_signal stop;
    outcome<Mutex> waiter;
    outcome<Mutex> next;
    auto held = mutex.try_lock();
    lock_cancellably(mutex, stop, waiter);
    mutex.async_lock(next.handler());
    stop.emit(cancellation_type::terminal);
    stop.emit(cancellation_type::terminal); // twice is once
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

TEST_CASE_TEMPLATE("a signal may be used for the next operation", Mutex, BOTH_MUTEXES) {
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
    co_await asio::post(use_it<Mutex>); // cancelled meanwhile,
    co_await asio::post(use_it<Mutex>); // which co_spawn passes on by a post of its own
    co_await asio::this_coro::throw_if_cancelled(true);
    auto guard = co_await mutex.lock();
    acquired = true;
}

} // namespace

TEST_CASE_TEMPLATE("a coroutine cancelled before it started to lock does not acquire", Mutex,
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

TEST_CASE("lock or timer ends with whichever comes first") {
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

// --- Ends of lives
// ----------------------------------------------------------------------------------------

TEST_CASE_TEMPLATE("a throwing handler gives the lock back", Mutex, BOTH_MUTEXES) {
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

TEST_CASE_TEMPLATE("destroying the mutex aborts who waits", Mutex, BOTH_MUTEXES) {
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
    stop.emit(cancellation_type::terminal); // in flight, and nobody else keeps the state
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

TEST_CASE_TEMPLATE("a context that dies gives back a grant in flight", Mutex, BOTH_MUTEXES) {
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

TEST_CASE_TEMPLATE("a context that dies takes its waiters along and the queue goes on", Mutex,
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

TEST_CASE_TEMPLATE("the mutex's own context may die first, with coroutines in the queue", Mutex,
                   BOTH_MUTEXES) {
    std::optional<asio::io_context> loop{std::in_place};
    Mutex mutex{*loop};
    auto held = mutex.try_lock();
    for (int i = 0; i != 3; ++i) {
        asio::co_spawn(*loop, lock_once(mutex), [](std::exception_ptr) {});
    }
    loop->poll();
    loop.reset();
    held.unlock();
    CHECK(mutex.try_lock().owns_lock());
    loop.emplace(); // perhaps at the same address, and yet another context
    outcome<Mutex> waiter;
    held = mutex.try_lock();
    mutex.async_lock(asio::bind_executor(*loop, waiter.handler()));
    loop.reset();
    held.unlock();
    CHECK(waiter.runs == 0);
    CHECK(mutex.try_lock().owns_lock());
}

namespace {

// As a handler it does nothing; destroyed, it cancels others.
template <class Mutex>
struct cancels_when_destroyed {
    std::deque<asio::cancellation_signal>* others;

    explicit cancels_when_destroyed(std::deque<asio::cancellation_signal>& signals)
        : others{&signals} {}

    cancels_when_destroyed(cancels_when_destroyed&& from) noexcept
        : others{std::exchange(from.others, nullptr)} {}

    ~cancels_when_destroyed() {
        if (others) {
            for (auto& each : *others) {
                each.emit(cancellation_type::terminal);
            }
        }
    }

    void operator()(error_code, typename Mutex::guard) {}
};

} // namespace

TEST_CASE_TEMPLATE("a waiter that dies may cancel others that die with it", Mutex, BOTH_MUTEXES) {
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

TEST_CASE_TEMPLATE("a signal may die before the context that its waiter dies with", Mutex,
                   BOTH_MUTEXES) {
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

TEST_CASE_TEMPLATE("a signal may die before its waiter is granted", Mutex, BOTH_MUTEXES) {
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

// --- Guards and observers
// ---------------------------------------------------------------------------------

TEST_CASE_TEMPLATE("a released lock stays taken until it is adopted", Mutex, BOTH_MUTEXES) {
    asio::io_context loop;
    Mutex mutex{loop};
    {
        auto held = mutex.try_lock();
        held.release();
        CHECK_FALSE(held.owns_lock());
    }
    CHECK_FALSE(mutex.try_lock().owns_lock());
    {
        typename Mutex::guard adopted{mutex, std::adopt_lock};
        CHECK(adopted.owns_lock());
    }
    CHECK(mutex.try_lock().owns_lock());
}

namespace {

struct journal {
    using site = std::source_location;
    std::vector<std::string>* lines;

    void waiting(const void* who, const site& where) const { add(who ? "waits" : "?", where); }

    void acquired(const void* who, const site& where) const { add(who ? "gets" : "takes", where); }

    void abandoned(const void* who, const site& where) const { add(who ? "leaves" : "?", where); }

    void released() const { lines->push_back("released"); }

    void add(const char* what, const site& where) const {
        lines->push_back(what + std::string{" "} + std::to_string(where.line()));
    }
};

} // namespace

TEST_CASE("an observer learns who holds, who waits and who left, from which line") {
    asio::io_context loop;
    std::vector<std::string> seen;
    basic_async_mutex<loop_executor, concurrent, journal> mutex{loop, journal{&seen}};
    using mutex_type = decltype(mutex);
    outcome<mutex_type> first;
    outcome<mutex_type> second;
    asio::cancellation_signal stop;
    const int line = __LINE__;
    auto held = mutex.try_lock();
    lock_cancellably(mutex, stop, first);
    mutex.async_lock(second.handler());
    stop.emit(cancellation_type::terminal);
    held.unlock();
    poll(loop);
    second.guard.unlock();
    const auto helper = seen.at(1).substr(6); // the line inside lock_cancellably
    const auto at = [&](int after) { return std::to_string(line + after); };
    CHECK(seen == std::vector<std::string>{"takes " + at(1), "waits " + helper, "waits " + at(3),
                                           "leaves " + helper, "released", "gets " + at(3),
                                           "released"});
}

TEST_CASE("a waiter that dies may take the mutex along") {
    using mutex_type = basic_async_mutex<loop_executor, concurrent, journal>;
    asio::io_context loop;
    std::vector<std::string> seen;
    auto mutex = std::make_shared<mutex_type>(loop, journal{&seen});
    auto held = mutex->try_lock();
    {
        asio::io_context dying;
        auto& alive = *mutex;
        alive.async_lock(asio::bind_executor(
            dying, [owner = std::move(mutex), inside = std::move(held)](
                       error_code, mutex_type::guard) { FAIL("a handler ran"); }));
        alive.async_lock(asio::bind_executor(
            dying, [](error_code, mutex_type::guard) { FAIL("a handler ran"); }));
    }
    REQUIRE(seen.size() == 6);
    CHECK(seen[3].starts_with("leaves"));
    CHECK(seen[4] == "released");
    CHECK(seen[5].starts_with("leaves")); // the second waiter, when the mutex was gone
}

static_assert(std::is_empty_v<unobserved>);
static_assert(std::is_nothrow_move_constructible_v<async_mutex::guard>);
static_assert(std::is_nothrow_move_assignable_v<async_mutex::guard>);
static_assert(!std::is_copy_constructible_v<async_mutex::guard>);
static_assert(sizeof(async_mutex::guard) == sizeof(void*));

namespace {

// Counts the blocks that are out, and tells at its end how many have not come back.
struct arena {
    explicit arena(int& tell)
        : left{tell} {}

    arena(const arena&) = delete;
    arena& operator=(const arena&) = delete;

    ~arena() { left = blocks; }

    int blocks = 0;
    int& left;
};

template <class T>
struct arena_allocator {
    using value_type = T;

    explicit arena_allocator(arena* of) noexcept
        : from{of} {}

    template <class U>
    arena_allocator(const arena_allocator<U>& other) noexcept
        : from{other.from} {}

    T* allocate(std::size_t n) {
        ++from->blocks;
        return std::allocator<T>{}.allocate(n);
    }

    void deallocate(T* memory, std::size_t n) noexcept {
        --from->blocks;
        std::allocator<T>{}.deallocate(memory, n);
    }

    bool operator==(const arena_allocator&) const = default;

    arena* from;
};

// Owns the arena that the memory for it is from; moved from, it has none to ask for.
struct arena_owner {
    using allocator_type = arena_allocator<void>;

    allocator_type get_allocator() const noexcept { return allocator_type{own.get()}; }

    template <class Guard>
    void operator()(error_code, Guard) {
        CHECK(own->blocks == 0);
        ran = true;
    }

    std::unique_ptr<arena> own;
    bool& ran;
};

} // namespace

TEST_CASE_TEMPLATE("memory goes back before the handler that owns its arena", Mutex, BOTH_MUTEXES) {
    std::optional<asio::io_context> loop{std::in_place};
    Mutex mutex{loop->get_executor()};
    auto held = mutex.try_lock();
    int left = -1;
    bool ran = false;
    mutex.async_lock(arena_owner{std::make_unique<arena>(left), ran});
    CHECK(left == -1);

    SUBCASE("when it runs") {
        held.unlock();
        loop->run();
        CHECK(ran);
    }
    SUBCASE("when its context dies with it in the queue") {
        loop.reset();
        CHECK_FALSE(ran);
    }
    SUBCASE("when its context dies with the grant on its way") {
        held.unlock();
        loop.reset();
        CHECK_FALSE(ran);
    }
    CHECK(left == 0);
}
