// Lesson 5, the program. One ticket, three buyers, and a payment that takes 20 ms: four ways to sell it.
#include "server/sync/async_mutex.hpp"
#include "workshop/check.hpp"

#include <boost/asio/steady_timer.hpp>

#include <cstdio>

namespace asio = boost::asio;

struct box_office {
    asio::io_context loop{1};
    chat::async_mutex mutex{loop};
    int left = 1; // guarded by mutex
    int sold = 0, refunded = 0;

    asio::awaitable<void> payment() {
        asio::steady_timer bank{loop, std::chrono::milliseconds{20}};
        co_await bank.async_wait(asio::use_awaitable);
    }
};

asio::awaitable<void> copy(box_office& here) { // extract, drop, await
    auto guard = co_await here.mutex.lock();
    const int left = here.left;
    guard.unlock();
    if (left == 0)
        co_return;
    co_await here.payment();
    auto again = co_await here.mutex.lock();
    here.left = left - 1;
    ++here.sold;
}

asio::awaitable<void> hold(box_office& here) {
    auto guard = co_await here.mutex.lock();
    if (here.left == 0)
        co_return;
    co_await here.payment(); // everybody else waits for the bank, too
    --here.left;
    ++here.sold;
}

asio::awaitable<void> reserve(box_office& here) {
    auto guard = co_await here.mutex.lock();
    if (here.left == 0)
        co_return;
    --here.left; // mine from now on; to be given back if the payment fails
    guard.unlock();
    co_await here.payment();
    ++here.sold;
}

asio::awaitable<void> recheck(box_office& here) {
    co_await here.payment();
    auto guard = co_await here.mutex.lock();
    if (here.left == 0) {
        ++here.refunded;
        co_return;
    }
    --here.left;
    ++here.sold;
}

void run(const char* how, asio::awaitable<void> (*buy)(box_office&)) {
    box_office here;
    for (int buyer = 0; buyer < 3; ++buyer)
        workshop::spawn(here.loop, buy(here));
    here.loop.run();
    std::printf("%-8s %d of 1 %10d\n", how, here.sold, here.refunded);
}

int main() {
    std::puts("          sold     paid in vain");
    run("copy", copy);
    run("hold", hold);
    run("reserve", reserve);
    run("recheck", recheck);
}
