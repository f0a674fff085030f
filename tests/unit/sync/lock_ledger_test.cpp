// What the ledger learns about a lock from either mutex.
#include <doctest/doctest.h>

#include "server/loop/loop_executor.hpp"
#include "server/sync/async_mutex.hpp"
#include "server/sync/blocking_mutex.hpp"
#include "server/sync/guarded.hpp"
#include "server/sync/lock_ledger.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>

#include <atomic>
#include <thread>

#include <unistd.h>

namespace {

using namespace chat;

template <class Observer>
using observed_async = basic_async_mutex<loop_executor, concurrent, Observer>;
template <class Observer>
using observed_blocking = basic_blocking_mutex<loop_executor, Observer>;

using async_kind = observed_async<lock_observer<who_waits::task>>;
using blocking_kind = observed_blocking<lock_observer<who_waits::thread>>;

template <class Mutex>
constexpr bool blocks = std::is_same_v<Mutex, blocking_kind>;

template <class Mutex>
auto observer_of(lock_ledger& ledger) {
    return lock_observer<blocks<Mutex> ? who_waits::thread : who_waits::task>{ledger};
}

/// Runs the task to its end and rethrows its exception.
void run(task<> body) {
    asio::io_context loop{1};
    asio::co_spawn(loop, std::move(body), rethrow);
    loop.run();
}

/// Sleeps for one turn of the loop, like session::reply().
task<> sleep_a_turn(lock_ledger& ledger, std::uint64_t session,
                    std::source_location at = std::source_location::current()) {
    ledger.suspending(session, {at, "a turn", 9});
    co_await asio::post(co_await asio::this_coro::executor, use_task);
}

template <class Mutex>
task<> takes_it(lock_ledger& ledger) {
    guarded<int, Mutex> value{co_await asio::this_coro::executor,
                              observed_by{observer_of<Mutex>(ledger)}, 7};
    constexpr auto line = __LINE__ + 1;
    auto held = co_await value.lock({"say", 3});
    const auto seen = ledger.snapshot(8).holder;
    REQUIRE(seen);
    CHECK(std::string_view{seen->site.task} == "say");
    CHECK(seen->site.session == 3);
    CHECK(seen->site.where.line() == line);
    CHECK(std::string_view{seen->site.where.file_name()}.ends_with("lock_ledger_test.cpp"));
    CHECK(seen->thread == ::gettid());
    CHECK(seen->blocks_threads == blocks<Mutex>);
    CHECK_FALSE(seen->suspended);
    CHECK(ledger.held_by_this_thread().has_value() == blocks<Mutex>);
    held.unlock();
    CHECK_FALSE(ledger.snapshot(8).holder);
    CHECK(ledger.snapshot(8).hold.count == 1);
    CHECK(ledger.snapshot(8).wait.count == 1);
    CHECK_FALSE(ledger.stuck_since());
    CHECK_FALSE(ledger.held_by_this_thread());
}

lock_site brief_site(std::source_location at = std::source_location::current()) {
    return {"deliver", 1, /*is_brief=*/true, at};
}

void suspends_elsewhere(lock_ledger& ledger, std::uint64_t session) {
    ledger.suspending(session, {std::source_location::current(), "in another function"});
}

template <class Mutex>
task<> sleeps_with_it(lock_ledger& ledger) {
    guarded<int, Mutex> value{co_await asio::this_coro::executor,
                              observed_by{observer_of<Mutex>(ledger)}, 7};
    auto held = co_await value.lock({"say", 3});
    co_await sleep_a_turn(ledger, 4); // from another session
    CHECK_FALSE(ledger.snapshot(8).holder->suspended);
    suspends_elsewhere(ledger, 3);
    CHECK_FALSE(ledger.snapshot(8).holder->suspended);
    constexpr auto line = __LINE__ + 1;
    co_await sleep_a_turn(ledger, 3);
    const auto suspended = ledger.snapshot(8).holder->suspended;
    REQUIRE(suspended);
    CHECK(suspended->where.line() == line);
    CHECK(suspended->whom == 9);
    held.unlock();
    const auto again = co_await value.lock({"say", 3});
    CHECK_FALSE(ledger.snapshot(8).holder->suspended); // that was the earlier hold
}

} // namespace

TEST_CASE_TEMPLATE("the holder is recorded with task, session, line and thread", Mutex, async_kind,
                   blocking_kind) {
    lock_ledger ledger;
    run(takes_it<Mutex>(ledger));
}

TEST_CASE_TEMPLATE("a suspension is recorded only if it is in the function that took the lock",
                   Mutex, async_kind, blocking_kind) {
    lock_ledger ledger;
    run(sleeps_with_it<Mutex>(ledger));
}

TEST_CASE("waiting tasks are listed in order, and only as many as requested") {
    lock_ledger ledger;
    asio::io_context loop{1};
    async_kind mutex{loop.get_executor(), observer_of<async_kind>(ledger)};
    auto held = mutex.try_lock({"first", 1});
    const auto wait = [&](std::uint64_t session) -> task<> {
        const auto guard = co_await mutex.lock({"next", session});
        CHECK(ledger.snapshot(8).holder->site.session == session);
    };
    for (std::uint64_t session = 2; session <= 6; ++session)
        asio::co_spawn(loop, wait(session), rethrow);
    loop.poll();
    const auto seen = ledger.snapshot(3);
    CHECK(seen.waiting == 5);
    REQUIRE(seen.waiters.size() == 3);
    for (std::size_t at = 0; at < 3; ++at)
        CHECK(seen.waiters[at].site.session == at + 2);
    CHECK(ledger.stuck_since() == seen.holder->since);
    held.unlock();
    // The lock was handed over: the longest wait began before the new hold.
    CHECK(ledger.snapshot(8).holder->site.session == 2);
    CHECK(ledger.stuck_since() == seen.waiters[1].since);
    loop.restart();
    loop.run();
    CHECK(ledger.snapshot(8).waiting == 0);
    CHECK(ledger.snapshot(8).wait.count == 6);
    CHECK(ledger.snapshot(8).hold.count == 6);
    CHECK_FALSE(ledger.snapshot(8).holder);
}

TEST_CASE("a task that gives up is removed from any position in the queue") {
    lock_ledger ledger;
    asio::io_context loop{1};
    async_kind mutex{loop.get_executor(), observer_of<async_kind>(ledger)};
    auto held = mutex.try_lock({"first", 1});
    std::array<asio::cancellation_signal, 3> signals;
    for (std::size_t at = 0; at < signals.size(); ++at) {
        mutex.async_lock(asio::bind_cancellation_slot(signals[at].slot(), [](auto, auto) {}),
                         {"next", at + 2});
    }
    signals[1].emit(asio::cancellation_type::all);
    const auto seen = ledger.snapshot(8);
    REQUIRE(seen.waiters.size() == 2);
    CHECK(seen.waiters[0].site.session == 2);
    CHECK(seen.waiters[1].site.session == 4);
    held.unlock();
    loop.run();
    CHECK(ledger.snapshot(8).waiting == 0);
}

TEST_CASE("a blocked thread is listed as long as it is blocked") {
    lock_ledger ledger;
    asio::io_context loop{1};
    blocking_kind mutex{loop.get_executor(), observer_of<blocking_kind>(ledger)};
    auto held = mutex.try_lock({"first", 1});
    std::atomic<pid_t> other{0};
    std::thread thread{[&] {
        other = ::gettid();
        asio::io_context its_loop{1};
        const auto locks = [&]() -> task<> { const auto guard = co_await mutex.lock({"next", 2}); };
        asio::co_spawn(its_loop, locks(), rethrow);
        its_loop.run();
    }};
    while (ledger.snapshot(8).waiting == 0)
        std::this_thread::yield();
    const auto seen = ledger.snapshot(8);
    CHECK(seen.waiters.front().thread == other);
    CHECK(seen.waiters.front().blocks_threads);
    // It waits for this thread, which does not wait for it: no thread waits for itself.
    CHECK_FALSE(waits_for_itself(other, seen));
    CHECK_FALSE(waits_for_itself(::gettid(), seen));
    held.unlock();
    thread.join();
    CHECK(ledger.snapshot(8).waiting == 0);
}

TEST_CASE("a thread waits for itself if it is blocked on a lock that one of its own tasks took") {
    lock_ledger ledger;
    const int waiter = 0;
    ledger.acquired(nullptr, {"say", 1}, true);
    CHECK_FALSE(waits_for_itself(::gettid(), ledger.snapshot(8)));
    ledger.waiting(&waiter, {"fan_out"}, true);
    CHECK(waits_for_itself(::gettid(), ledger.snapshot(8)));
    CHECK_FALSE(waits_for_itself(::gettid() + 1, ledger.snapshot(8)));

    lock_ledger of_tasks; // a task that waits for this lock does not block its thread
    of_tasks.acquired(nullptr, {"say", 1}, false);
    of_tasks.waiting(&waiter, {"fan_out"}, false);
    CHECK_FALSE(waits_for_itself(::gettid(), of_tasks.snapshot(8)));
}

TEST_CASE("all brief holds are counted, and one in seventeen is timed for all of them") {
    using namespace std::chrono_literals;
    lock_ledger ledger;
    const auto hold = [&](lock_ledger::clock::duration time) {
        ledger.acquired(nullptr, brief_site(), false);
        for (const auto end = lock_ledger::clock::now() + time; lock_ledger::clock::now() < end;) {
        }
        ledger.released();
    };
    hold(50ms); // the sample that is timed
    for (int count = 1; count < 17; ++count)
        hold(0ms);
    const auto first = ledger.snapshot(0).hold;
    CHECK(first.count == 17);
    CHECK(first.sum_ns >= 17 * 50'000'000ull);
    hold(0ms); // the next sample
    CHECK(ledger.snapshot(0).hold.count == 18);
    CHECK(ledger.snapshot(0).wait.count == 18);
    ledger.acquired(nullptr, {"say", 1}, false); // not brief, so it is timed
    ledger.released();
    CHECK(ledger.snapshot(0).hold.sum_ns < first.sum_ns + 50'000'000);
}

TEST_CASE("a brief hold has a start time, and is timed if its task sleeps after all") {
    using namespace std::chrono_literals;
    lock_ledger ledger;
    const auto site = brief_site();
    for (int count = 0; count < 2; ++count) { // the second hold is not a sample
        ledger.acquired(nullptr, site, false);
        const auto now = lock_ledger::clock::now();
        const auto since = ledger.snapshot(0).holder->since;
        CHECK(since <= now);
        // The coarse clock has steps of 1 to 10 ms, but this thread may have been descheduled.
        CHECK(now - since < 1s);
        ledger.suspending(1, {site.where, "a full socket", 1});
        const auto asleep_since = ledger.snapshot(0).holder->since;
        CHECK(asleep_since == ledger.stuck_since());
        while (lock_ledger::clock::now() < asleep_since + 20ms) {
        }
        const auto before = ledger.snapshot(0).hold.sum_ns;
        ledger.released();
        CHECK(ledger.snapshot(0).hold.sum_ns - before >= 20'000'000);
    }
}

TEST_CASE("a brief hold after a wait is timed, and so is the wait") {
    using namespace std::chrono_literals;
    lock_ledger ledger;
    for (int count = 0; count < 2; ++count) {
        const int waiter = 0;
        ledger.waiting(&waiter, brief_site(), false);
        const auto asked = lock_ledger::clock::now();
        while (lock_ledger::clock::now() < asked + 1ms) {
        }
        const auto before = ledger.snapshot(0).wait.sum_ns;
        ledger.acquired(&waiter, brief_site(), false);
        CHECK(ledger.snapshot(0).wait.sum_ns - before >= 1'000'000);
        ledger.released();
    }
}

TEST_CASE("another thread may take a snapshot at any time") {
    lock_ledger ledger;
    std::atomic<bool> done{false};
    std::thread watcher{[&] {
        std::uint64_t last = 0;
        while (!done) {
            const auto seen = ledger.snapshot(2);
            // Each hold has ended, except possibly the current one.
            CHECK(seen.wait.count - seen.hold.count <= 1);
            CHECK(seen.wait.count >= last);
            CHECK(seen.waiters.size() <= 2);
            last = seen.wait.count;
            (void)ledger.stuck_since();
        }
    }};
    asio::io_context loop{1};
    guarded<int, async_kind> value{loop.get_executor(),
                                   observed_by{observer_of<async_kind>(ledger)}, 0};
    const auto work = [&](std::uint64_t session) -> task<> {
        for (int count = 0; count < 500; ++count) {
            const auto held = co_await value.lock({"work", session});
            ++*held;
            co_await sleep_a_turn(ledger, session);
        }
    };
    for (std::uint64_t session = 1; session <= 4; ++session)
        asio::co_spawn(loop, work(session), rethrow);
    loop.run();
    done = true;
    watcher.join();
    CHECK(ledger.snapshot(8).hold.count == 2000);
}

TEST_CASE("a histogram counts each time in the first bucket whose limit it does not exceed") {
    using namespace std::chrono_literals;
    histogram times;
    for (const auto time : {0ns, 1000ns, 1001ns, 2000ns, 4000ns, 4001ns})
        times.record(time);
    times.record(10min);
    times.record(-1s); // clocks can jump
    const auto sums = times.cumulative();
    CHECK(sums[0] == 3); // 1 us
    CHECK(sums[1] == 5); // 2 us
    CHECK(sums[2] == 6); // 4 us
    CHECK(sums[3] == 7); // 8 us
    CHECK(sums[histogram::size - 2] == 7);
    CHECK(sums[histogram::size - 1] == 8);
    CHECK(times.count == 8);
    CHECK(histogram::limit_us(3) == 8);
}
