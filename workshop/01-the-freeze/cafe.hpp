// The café of the exercise: one thread, one order book behind std::mutex, one slow printer. take_order is
// yours, in exercise.cpp. check.cpp opens the café, and has the barista.
#pragma once

#include "server/sync/blocking_mutex.hpp"
#include "server/sync/guarded.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <deque>
#include <set>
#include <string>
#include <vector>

namespace cafe {

namespace asio = boost::asio;

/// What happened, for the check to judge.
struct journal {
    std::set<std::string> noted;      // drinks that were ever in the book
    std::vector<std::string> printed; // receipts
    std::vector<std::string>
        not_in_book; // receipts that were begun before their order was in the book
};

/// Drinks that nobody has made yet, oldest first.
class open_orders : std::deque<std::string> {
public:
    explicit open_orders(journal& day)
        : day_{day} {}

    using deque::empty, deque::front, deque::pop_front;

    void push_back(std::string drink) {
        day_.noted.insert(drink);
        deque::push_back(std::move(drink));
    }

private:
    journal& day_;
};

struct order_book {
    explicit order_book(journal& day)
        : open{day} {}

    int taken = 0; // orders so far: the newest order has this number
    open_orders open;
};

/// Takes its time. The thread is free meanwhile, as when it waits for a socket.
class receipt_printer {
public:
    receipt_printer(asio::io_context& loop, journal& day)
        : loop_{loop}
        , day_{day} {}

    asio::awaitable<void> print(std::string drink) {
        if (!day_.noted.contains(drink))
            day_.not_in_book.push_back(drink);
        asio::steady_timer paper{loop_, std::chrono::milliseconds{5}};
        co_await paper.async_wait(asio::use_awaitable);
        day_.printed.push_back(std::move(drink));
    }

private:
    asio::io_context& loop_;
    journal& day_;
};

struct shop {
    explicit shop(asio::io_context& loop)
        : orders{loop, day}
        , printer{loop, day} {}

    journal day;
    chat::guarded<order_book, chat::blocking_mutex> orders;
    receipt_printer printer;
};

/// One task for each guest: notes the order, prints the receipt, and returns the guest's number.
asio::awaitable<int> take_order(shop& here, std::string drink);

} // namespace cafe
