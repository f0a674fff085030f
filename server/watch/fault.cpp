#include "server/watch/fault.hpp"

#include "server/sync/blocking_mutex.hpp"
#include "server/sync/lock_ledger.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <chrono>
#include <memory>
#include <thread>

namespace chat {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
using faulty_mutex = basic_blocking_mutex<loop_executor, lock_observer<who_waits::thread>>;

constexpr auto healthy_time = 300ms;

void compute(clock::duration time) {
    for (const auto end = clock::now() + time; clock::now() < end;) {
    }
}

task<> next_turn(lock_ledger& ledger,
                 std::source_location awaited_at = std::source_location::current()) {
    ledger.suspending(0, {awaited_at, "a later turn of the loop"});
    co_await asio::post(co_await asio::this_coro::executor, use_task);
}

task<> hold_and_sleep(std::shared_ptr<faulty_mutex> mutex, lock_ledger& ledger) {
    const auto guard = co_await mutex->lock({"fault A"});
    co_await next_turn(ledger);
}

task<> lock_as_well(std::shared_ptr<faulty_mutex> mutex) {
    const auto guard = co_await mutex->lock({"fault B"});
}

} // namespace

task<> provoke(fault which, lock_ledger& ledger) {
    const auto loop = co_await asio::this_coro::executor;
    loop_timer start{loop, healthy_time};
    co_await start.async_wait(use_task);
    switch (which) {
    case fault::deadlock: {
        const auto mutex =
            std::make_shared<faulty_mutex>(loop, lock_observer<who_waits::thread>{ledger});
        asio::co_spawn(loop, hold_and_sleep(mutex, ledger), rethrow);
        asio::co_spawn(loop, lock_as_well(mutex), rethrow);
        break;
    }
    case fault::sleep:
        std::this_thread::sleep_for(2s);
        break;
    case fault::hang:
        std::this_thread::sleep_for(1h);
        break;
    case fault::spin:
        compute(2s);
        break;
    case fault::flood:
        for (int count = 0; count < 2000; ++count)
            asio::post(loop, [] { compute(1ms); });
        break;
    case fault::none:
        break;
    }
}

} // namespace chat
