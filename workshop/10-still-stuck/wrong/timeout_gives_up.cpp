// Says: gave up
// A timeout ends the wait, not the task: somebody has to try again.
#include "workshop/10-still-stuck/bank.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>

namespace bank {

asio::awaitable<void> transfer(account& from, account& to, int cents) {
    using namespace asio::experimental::awaitable_operators;
    auto first = co_await from.mutex.lock();
    co_await write_journal();
    asio::steady_timer patience{co_await asio::this_coro::executor, std::chrono::milliseconds{20}};
    auto either = to.mutex.lock() || patience.async_wait(asio::use_awaitable);
    auto outcome = co_await std::move(either);
    if (outcome.index() == 1)
        co_return;
    from.cents -= cents;
    co_await write_journal();
    to.cents += cents;
}

} // namespace bank
