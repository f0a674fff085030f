// Lesson 10, the solution: everybody locks the account with the lower number first, so no two transfers
// can wait for each other. An account is not locked twice.
#include "workshop/10-still-stuck/bank.hpp"

namespace bank {

asio::awaitable<void> transfer(account& from, account& to, int cents) {
    if (&from == &to)
        co_return;
    const bool in_order = from.number < to.number;
    auto first = co_await (in_order ? from : to).mutex.lock();
    auto second = co_await (in_order ? to : from).mutex.lock();
    from.cents -= cents;
    co_await write_journal();
    to.cents += cents;
    co_await write_journal();
}

} // namespace bank
