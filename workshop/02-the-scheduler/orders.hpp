// Runs the tasks of worker.hpp in a given order, each order in a process of its own, because that process
// may freeze. In: an order such as "ABAB", and the task. Out: what became of it. No timeout decides that:
// a process is frozen when its only thread sleeps in lock() and the holder is a task of that thread.
#pragma once

#include "workshop/02-the-scheduler/worker.hpp"

#include <boost/asio/co_spawn.hpp>

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace scheduler {

template <class Mutex>
using task = asio::awaitable<void> (*)(worker<Mutex>&);

enum class ending { lives, freezes, does_not_finish };

struct outcome {
    ending end = ending::does_not_finish;
    std::vector<ledger::entry> steps;
    std::string mistake;      // what a task did wrong, or empty
    char asks = 0, holds = 0; // when frozen
};

/// AABB, ABAB, … : each order of that many tasks with two turns each.
inline std::vector<std::string> every_order(int tasks) {
    std::string order;
    for (char name = 'A'; name < 'A' + tasks; ++name)
        order += {name, name};
    std::vector<std::string> all;
    do
        all.push_back(order);
    while (std::ranges::next_permutation(order).found);
    return all;
}

/// True if each task from A on has exactly two turns.
inline bool is_order(std::string order) {
    std::ranges::sort(order);
    return !order.empty() && order.size() <= 12 &&
           order == every_order(static_cast<int>(order.size() / 2)).front();
}

namespace detail {

template <class Mutex>
asio::awaitable<void> in_turns(worker<Mutex>& me, task<Mutex> does) {
    co_await me.next_turn();
    co_await does(me);
    me.done();
}

template <class Mutex>
void run(const std::string& order, task<Mutex> does, ledger& book) {
    asio::io_context loop{1};
    Mutex mutex{loop, observer{&book}};
    std::map<char, worker<Mutex>> workers;
    std::size_t finished = 0;
    for (const char name : order) {
        const auto [each, is_new] = workers.try_emplace(name, name, loop, mutex, book);
        if (is_new) {
            asio::co_spawn(loop, in_turns(each->second, does), [&](std::exception_ptr failed) {
                if (failed)
                    std::rethrow_exception(failed);
                ++finished;
            });
        }
    }
    loop.poll(); // everybody waits for the first turn
    for (const char name : order) {
        workers.at(name).wake();
        loop.poll(); // all that can run now, on this thread
    }
    book.all_done = finished == workers.size();
}

inline std::string first_line(const std::string& file) {
    std::ifstream in{file};
    std::string line;
    std::getline(in, line);
    return line;
}

/// The child has one thread, and that sleeps.
inline bool is_asleep(pid_t child) {
    const auto stat = first_line("/proc/" + std::to_string(child) + "/stat");
    const auto name_ends = stat.rfind(')');
    return name_ends != std::string::npos && stat.substr(name_ends, 3) == ") S";
}

inline ending await_end(pid_t child, const ledger& book) {
    using clock = std::chrono::steady_clock;
    const auto give_up = clock::now() + std::chrono::seconds{10};
    for (;;) {
        int status = 0;
        if (::waitpid(child, &status, WNOHANG) == child)
            return book.all_done ? ending::lives : ending::does_not_finish;
        const bool frozen = book.asks != 0 && book.holds != 0 && is_asleep(child);
        if (frozen || clock::now() > give_up) {
            ::kill(child, SIGKILL);
            ::waitpid(child, &status, 0);
            return frozen ? ending::freezes : ending::does_not_finish;
        }
        std::this_thread::sleep_for(std::chrono::microseconds{50});
    }
}

} // namespace detail

template <class Mutex>
outcome run_in_child(const std::string& order, task<Mutex> does) {
    void* const shared =
        ::mmap(nullptr, sizeof(ledger), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        throw std::runtime_error{"mmap failed"};
    auto* const book = new (shared) ledger;
    const auto child = ::fork();
    if (child == -1)
        throw std::runtime_error{"fork failed"};
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL); // a frozen child does not outlive an impatient reader
        detail::run(order, does, *book);
        ::_exit(0);
    }
    outcome result;
    result.end = detail::await_end(child, *book);
    result.steps.assign(book->steps.begin(), book->steps.begin() + static_cast<int>(book->length));
    result.mistake = book->mistake.data();
    result.asks = book->asks;
    result.holds = book->holds;
    ::munmap(shared, sizeof(ledger));
    return result;
}

} // namespace scheduler
