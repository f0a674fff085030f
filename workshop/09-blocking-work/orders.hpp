// A shop on one thread that keeps its orders in SQLite. store() is yours, in exercise.cpp.
#pragma once

#include "server/sync/async_mutex.hpp"
#include "workshop/09-blocking-work/database.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace orders {

namespace asio = boost::asio;

struct shop {
    explicit shop(asio::io_context& context)
        : loop{context} {}

    asio::io_context& loop; // one thread runs it
    workshop::database db;  // blocks, and takes one thread at a time
    asio::thread_pool pool{4};
    chat::async_mutex async_mutex{loop};
    std::mutex std_mutex;
};

/// Stores an order and returns its number. Called on the loop, and comes back on the loop.
asio::awaitable<int> store(shop& here, std::string what);

} // namespace orders
