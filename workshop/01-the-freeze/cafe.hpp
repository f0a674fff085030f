// The café of the exercise: one thread, one order book behind std::mutex, one slow printer.
// take_order and serve are in exercise.cpp, and repaired in solution.cpp; freeze_test.cpp opens the
// café.
#pragma once

#include "server/sync/blocking_mutex.hpp"
#include "server/sync/guarded.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <deque>
#include <string>
#include <vector>

namespace cafe {

namespace asio = boost::asio;

struct order_book {
    int taken = 0;                // orders so far; the newest order has this number
    std::deque<std::string> open; // drinks that nobody has made yet, oldest first
};

/// Takes its time, and gives the thread back meanwhile, as a socket does.
class receipt_printer {
public:
    explicit receipt_printer(asio::io_context& loop)
        : loop_{loop} {}

    asio::awaitable<void> print(std::string drink) {
        asio::steady_timer paper{loop_, std::chrono::milliseconds{5}};
        co_await paper.async_wait(asio::use_awaitable);
        printed_.push_back(std::move(drink));
    }

    const std::vector<std::string>& printed() const { return printed_; }

private:
    asio::io_context& loop_;
    std::vector<std::string> printed_;
};

struct shop {
    explicit shop(asio::io_context& loop)
        : orders{loop}
        , printer{loop} {}

    chat::guarded<order_book, chat::blocking_mutex> orders;
    receipt_printer printer;
};

/// Task A, one for each customer: notes the order, prints the receipt, returns the customer's
/// number.
asio::awaitable<int> take_order(shop& here, std::string drink);

/// Task B, the barista: makes that many drinks and returns them in the order she made them.
asio::awaitable<std::vector<std::string>> serve(shop& here, std::size_t customers);

} // namespace cafe
