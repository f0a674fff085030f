// Says: the auditor counted
// Never two locks, so no cycle. Between the two the money belongs to nobody.
#include "workshop/10-still-stuck/bank.hpp"

namespace bank {

asio::awaitable<void> transfer(account& from, account& to, int cents) {
    {
        auto lock = co_await from.mutex.lock();
        from.cents -= cents;
        co_await write_journal();
    }
    auto lock = co_await to.mutex.lock();
    to.cents += cents;
    co_await write_journal();
}

} // namespace bank
