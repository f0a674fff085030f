// Lesson 3, the program. Ten tasks count to ten together, in six ways.
#include "server/sync/async_mutex.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/strand.hpp>

#include <atomic>
#include <cstdio>
#include <thread>
#include <vector>

namespace asio = boost::asio;

struct counter {
    explicit counter(asio::io_context& loop)
        : lock{loop} {}

    int n = 0;
    std::atomic<int> atomic_n{0};
    chat::async_mutex lock;
};

/// Each task owns a share of the counter, by value: a spawned task may outlive what a reference refers to.
using shared = std::shared_ptr<counter>;

/// Stands for a socket: the thread does something else, and the task goes on in a later turn.
asio::awaitable<void> other_work() {
    co_await asio::post(asio::use_awaitable);
}

asio::awaitable<void> in_one_turn(shared c) {
    ++c->n;
    co_await other_work();
}

asio::awaitable<void> in_two_turns(shared c) {
    const int seen = c->n;
    co_await other_work();
    c->n = seen + 1;
}

asio::awaitable<void> under_the_lock(shared c) {
    auto guard = co_await c->lock.lock();
    co_await in_two_turns(c);
}

asio::awaitable<void> atomically(shared c) {
    ++c->atomic_n;
    co_await other_work();
}

void rethrow(std::exception_ptr failed) { // and so what a task throws comes out of loop.run()
    if (failed)
        std::rethrow_exception(failed);
}

void count(const char* how, asio::awaitable<void> (*task)(shared), int threads, bool on_strand) {
    asio::io_context loop{threads};
    asio::any_io_executor where = loop.get_executor();
    where = on_strand ? asio::make_strand(where) : where;
    const auto c = std::make_shared<counter>(loop);
    for (int i = 0; i < 10; ++i)
        asio::co_spawn(where, task(c), rethrow);
    std::vector<std::jthread> helpers;
    for (int i = 1; i < threads; ++i)
        helpers.emplace_back([&loop] { loop.run(); });
    loop.run();
    helpers.clear(); // joins
    std::printf("%3d  %s\n", c->n + c->atomic_n.load(), how);
}

int main() {
    count("one thread, ++n", in_one_turn, 1, false);
    count("one thread, read, co_await, write", in_two_turns, 1, false);
    count("one thread, the same on a strand", in_two_turns, 1, true);
    count("one thread, the same under an async mutex", under_the_lock, 1, false);
    count("four threads, ++n on a strand", in_one_turn, 4, true);
    count("four threads, ++n on a std::atomic", atomically, 4, false);
}
