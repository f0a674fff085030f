// The till of the exercise: one thread, one till behind std::mutex, one slow card reader. pay is in
// exercise.cpp, and repaired in solution.cpp; till_test.cpp opens the till.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <mutex>

namespace shop {

namespace asio = boost::asio;

struct till {
    explicit till(asio::io_context& context)
        : loop{context} {}

    std::mutex mutex;
    int cents = 0; // guarded by mutex
    int cards = 0; // how many the reader has taken

    asio::io_context& loop;

    /// The card reader: takes its time, and gives the thread back meanwhile, as a socket does.
    asio::awaitable<void> read_card() {
        asio::steady_timer slow{loop, std::chrono::milliseconds{5}};
        co_await slow.async_wait(asio::use_awaitable);
        ++cards;
    }
};

/// One customer pays by card: `cents` go into the till, and the card is read.
asio::awaitable<void> pay(till& here, int cents);

} // namespace shop
