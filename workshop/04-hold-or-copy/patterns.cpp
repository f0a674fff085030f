// Lesson 4, the program. Twenty tasks read a text and then wait 50 ms for something else: with the lock,
// without it, and with the whole thread. Meanwhile a bystander, who needs no lock, watches the loop.
#include "workshop/04-hold-or-copy/measured_room.hpp"
#include "workshop/check.hpp"

#include <cstdio>
#include <thread>

constexpr auto something_else = 50ms;

asio::awaitable<void> hold(room& here) {
    auto guard = co_await here.lock();
    const auto text = here.text;
    co_await here.sleep(something_else); // the lock sleeps with the task
    --here.at_work;
}

asio::awaitable<void> copy(room& here) {
    auto guard = co_await here.lock();
    const auto text = here.text;
    guard.unlock();
    co_await here.sleep(something_else);
    --here.at_work;
}

asio::awaitable<void> stare(room& here) {
    std::this_thread::sleep_for(something_else); // the thread sleeps, and everybody with it
    --here.at_work;
    co_return;
}

double run(const char* how, asio::awaitable<void> (*task)(room&)) {
    room here;
    workshop::spawn(here.loop, here.bystander());
    for (int left = here.at_work; left > 0; --left)
        workshop::spawn(here.loop, task(here));
    const auto start = now();
    here.loop.run();
    const auto took = now() - start;
    std::printf("%-6s%7.0f ms %10.0f ms %12.0f ms\n", how, took, here.longest_wait,
                here.bystander_late);
    return took;
}

int main() {
    std::puts("      all done   longest wait   the bystander\n"
              "      after      for the lock   is late by");
    const auto held = run("hold", hold);
    const auto copied = run("copy", copy);
    run("stare", stare);
    std::printf("hold takes %.0f times as long as copy\n", held / copied);
}
