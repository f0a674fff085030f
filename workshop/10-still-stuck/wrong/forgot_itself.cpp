// Says: from an account to itself
// In order, but a mutex is not recursive: a task that locks it twice waits for itself.
#include "workshop/10-still-stuck/bank.hpp"

namespace bank {

asio::awaitable<void> transfer(account& from, account& to, int cents) {
    const bool in_order = from.number < to.number;
    auto first = co_await (in_order ? from : to).mutex.lock();
    auto second = co_await (in_order ? to : from).mutex.lock();
    from.cents -= cents;
    co_await write_journal();
    to.cents += cents;
    co_await write_journal();
}

} // namespace bank
