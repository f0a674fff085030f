// Lesson 10, the program. Six times a task or two, on one thread whose clock ticks. Which ones end?
#include "server/sync/async_mutex.hpp"
#include "workshop/check.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/experimental/promise.hpp>
#include <boost/asio/experimental/use_promise.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_future.hpp>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace asio::experimental::awaitable_operators;

struct world {
    asio::io_context loop{1};
    chat::async_mutex a{loop}, b{loop};
    int ended = 0, ticks = 0;
};

asio::awaitable<void> sleep(world& w, std::chrono::milliseconds how_long) {
    asio::steady_timer alarm{w.loop, how_long};
    co_await alarm.async_wait(asio::use_awaitable);
}

asio::awaitable<void> lock_both(world& w, chat::async_mutex& one, chat::async_mutex& other) {
    auto first = co_await one.lock();
    co_await sleep(w, 5ms);
    auto second = co_await other.lock();
    ++w.ended;
}

asio::awaitable<void> leave_a_waiter_behind(world& w) { // the twin of Rust's futurelock
    auto held = co_await w.a.lock();
    auto in_line = w.a.async_lock(asio::experimental::use_promise); // queued, and nobody awaits it
    held.unlock();
    auto again = co_await w.a.lock(); // the lock is in that promise
    ++w.ended;
}

asio::awaitable<void> give_up_waiting(world& w) {
    auto held = co_await w.a.lock();
    auto either = w.a.lock() || sleep(w, 5ms);
    co_await std::move(either); // the one that loses is cancelled, and leaves the queue
    held.unlock();
    auto again = co_await w.a.lock();
    ++w.ended;
}

asio::awaitable<void> get_on_the_loop(world& w) {
    auto answer = asio::co_spawn(w.loop, sleep(w, 1ms), asio::use_future);
    w.ended += answer.wait_for(300ms) == std::future_status::ready; // get() would never return
    co_return w.loop.stop();
}

asio::awaitable<void> tick(world& w) {
    for (;; ++w.ticks)
        co_await sleep(w, 10ms);
}

void watch(const char* what, auto... tasks) {
    world w;
    workshop::spawn(w.loop, tick(w));
    (workshop::spawn(w.loop, tasks(w)), ...);
    while (w.ticks < 30 && !w.loop.stopped())
        w.loop.run_one();
    std::cout << what << ": " << w.ended << " of " << sizeof...(tasks) << " ended, the loop "
              << (w.ticks > 0 ? "ticks" : "stands still") << std::endl;
}

int main() {
    auto a_then_b = [](world& w) { return lock_both(w, w.a, w.b); };
    watch("a then b, twice", a_then_b, a_then_b);
    watch("a then b, and b then a", a_then_b, [](world& w) { return lock_both(w, w.b, w.a); });
    watch("a then a", [](world& w) { return lock_both(w, w.a, w.a); });
    watch("a place in the queue, never awaited", leave_a_waiter_behind);
    watch("lock() || timer, then lock()", give_up_waiting);
    watch("future.get() on the loop", get_on_the_loop);
}
