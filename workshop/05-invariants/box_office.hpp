// The box office of the exercise. buy() is yours, in exercise.cpp.
#pragma once

#include "server/sync/guarded.hpp"
#include "workshop/lock_facts.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <map>
#include <set>
#include <string>

namespace tickets {

namespace asio = boost::asio;

/// How many seats each show has left. A show that is cancelled is erased.
using seats_left = std::map<std::string, int>;

struct box_office {
    box_office(asio::io_context& context, seats_left at_first, std::set<std::string> refused)
        : loop{context}
        , seats{context, chat::observed_by{workshop::lock_observer{&lock}}, std::move(at_first)}
        , refused_cards{std::move(refused)} {}

    asio::io_context& loop;
    workshop::lock_facts lock;
    chat::guarded<seats_left, workshop::counted_async_mutex> seats;
    std::set<std::string> refused_cards; // the bank refuses these buyers' cards
    int charged = 0;

    /// Charges the buyer's card. It takes 20 ms; false if the bank refuses.
    asio::awaitable<bool> charge(std::string buyer) {
        asio::steady_timer bank{loop, std::chrono::milliseconds{20}};
        co_await bank.async_wait(asio::use_awaitable);
        const bool accepted = !refused_cards.contains(buyer);
        charged += accepted ? 1 : 0;
        co_return accepted;
    }

    /// Gives the money back. The customer is not amused.
    void refund(const std::string& /*buyer*/) {}
};

/// Sells one seat of a show to the buyer. False if there is none, or if the card is refused.
asio::awaitable<bool> buy(box_office& here, std::string show, std::string buyer);

} // namespace tickets
