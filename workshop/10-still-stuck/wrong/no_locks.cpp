// Says: the auditor counted
// It never waits, and the auditor walks in while the money is on its way.
#include "workshop/10-still-stuck/bank.hpp"

namespace bank {

asio::awaitable<void> transfer(account& from, account& to, int cents) {
    from.cents -= cents;
    co_await write_journal();
    to.cents += cents;
    co_await write_journal();
}

} // namespace bank
