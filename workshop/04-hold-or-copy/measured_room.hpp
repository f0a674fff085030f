// A room whose text is guarded by an async mutex. It measures what its tasks do to each other.
#pragma once

#include "server/sync/async_mutex.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <string>

namespace asio = boost::asio;
using namespace std::chrono_literals;

inline double now() { // in milliseconds
    return std::chrono::steady_clock::now().time_since_epoch() / 1.0ms;
}

struct room {
    asio::io_context loop{1};
    chat::async_mutex mutex{loop};
    std::string text = "hello"; // guarded by mutex
    int at_work = 20;
    double longest_wait = 0, bystander_late = 0;

    asio::awaitable<void> sleep(std::chrono::milliseconds time) {
        asio::steady_timer timer{loop, time};
        co_await timer.async_wait(asio::use_awaitable);
    }

    /// Locks, and measures how long that took.
    asio::awaitable<chat::async_mutex::guard> lock() {
        const auto start = now();
        auto guard = co_await mutex.lock();
        longest_wait = std::max(longest_wait, now() - start);
        co_return guard;
    }

    /// Needs no lock, and notes how late the loop lets it run.
    asio::awaitable<void> bystander() {
        while (at_work > 0) {
            const auto start = now();
            co_await sleep(1ms);
            bystander_late = std::max(bystander_late, now() - start - 1);
        }
    }
};
