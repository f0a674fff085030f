// A bank on one thread: each account has an async mutex of its own. transfer() is yours, in exercise.cpp.
#pragma once

#include "server/sync/async_mutex.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>

namespace bank {

namespace asio = boost::asio;

struct account {
    account(asio::io_context& loop, int own_number)
        : mutex{loop}
        , number{own_number} {}

    chat::async_mutex mutex;
    const int number;
    int cents = 100;
};

/// Writes to the bank's journal. That takes time, during which the thread is free.
inline asio::awaitable<void> write_journal() {
    asio::steady_timer disk{co_await asio::this_coro::executor, std::chrono::milliseconds{2}};
    co_await disk.async_wait(asio::use_awaitable);
}

/// Moves the money, with an entry in the journal for each side. While the money is on its way, nobody
/// else may see either account. Somebody may transfer from an account to the same account.
asio::awaitable<void> transfer(account& from, account& to, int cents);

} // namespace bank
