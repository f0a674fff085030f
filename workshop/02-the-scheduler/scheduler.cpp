// Lesson 2, the program. Runs tasks on one thread in an order that you choose, or in all orders.
#include "workshop/02-the-scheduler/orders.hpp"

#include <cstdio>
#include <iostream>

namespace scheduler {

/// WRONG ON PURPOSE with std::mutex: the guard lives on through the co_await.
template <class Mutex>
asio::awaitable<void> held(worker<Mutex>& me) {
    auto guard = co_await me.lock(); // first turn
    me.write();
    co_await me.acknowledged(); // second turn
}

template <class Mutex>
asio::awaitable<void> released(worker<Mutex>& me) {
    auto guard = co_await me.lock();
    me.write();
    guard.unlock();
    co_await me.acknowledged();
}

constexpr const char* words[] = {"gets the lock", "finds it taken", "writes", "releases",
                                 "sleeps",        "wakes up",       "is done"};

template <class Mutex>
void show(const char* lock, const std::string& order, task<Mutex> does) {
    const auto result = run_in_child<Mutex>(order, does);
    std::cout << "\n" << order << " with " << lock;
    char task = 0;
    for (const auto& entry : result.steps) {
        if (entry.task != task)
            std::cout << "\n  " << entry.task << " ";
        else
            std::cout << ", ";
        std::cout << words[static_cast<int>(entry.what)];
        task = entry.task;
    }
    if (result.end == ending::freezes)
        std::cout << "\n  FROZEN. The only thread sleeps in " << result.asks << "'s lock(). "
                  << result.holds << " has the lock and needs that thread.\n";
    else
        std::cout << "\n  All are done, the order lives.\n";
}

template <class Mutex>
void count(const char* lock, task<Mutex> does) {
    std::printf("%-24s", lock);
    for (const int tasks : {2, 3}) {
        const auto orders = every_order(tasks);
        const auto frozen = std::ranges::count_if(orders, [&](const auto& order) {
            return run_in_child<Mutex>(order, does).end == ending::freezes;
        });
        std::printf("%6td of %-4zu", frozen, orders.size());
    }
    std::puts("");
}

} // namespace scheduler

int main(int argc, char** argv) {
    using namespace scheduler;
    if (argc == 1) {
        std::puts("orders that freeze         two tasks  three tasks");
        count<std_mutex>("std::mutex, held", held);
        count<std_mutex>("std::mutex, released", released);
        count<async_mutex>("async mutex, held", held);
    } else if (is_order(argv[1])) {
        show<std_mutex>("std::mutex, held", argv[1], held);
        show<std_mutex>("std::mutex, released", argv[1], released);
        show<async_mutex>("async mutex, held", argv[1], held);
    } else {
        std::puts("give an order of turns in which A, B, … come twice each: ABAB");
        return 2;
    }
}
