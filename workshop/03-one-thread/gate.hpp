// The gate of a fair: one thread counts the visitors. visit() is yours, in exercise.cpp. The gate has
// three tools that people reach for; look whether you need any.
#pragma once

#include "server/sync/async_mutex.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <vector>

namespace fair {

namespace asio = boost::asio;

struct gate {
    explicit gate(asio::io_context& context)
        : loop{context} {}

    asio::io_context& loop;
    int visitors = 0;

    asio::strand<asio::io_context::executor_type> strand = asio::make_strand(loop);
    chat::async_mutex async_mutex{loop};
    std::mutex std_mutex;

    std::vector<int> saved; // the numbers that save() has written
    int saving = 0;         // how many saves go on now
    int most_saving = 0;

    /// Writes a visitor's number to the disk. That takes time, during which the thread is free.
    asio::awaitable<void> save(int number) {
        most_saving = std::max(most_saving, ++saving);
        asio::steady_timer disk{loop, std::chrono::milliseconds{5}};
        co_await disk.async_wait(asio::use_awaitable);
        --saving;
        saved.push_back(number);
    }
};

/// One visitor comes in: gets the next number, from 1 on, and has it saved. Ten run at the same time.
asio::awaitable<void> visit(gate& here);

} // namespace fair
