// Says: came back on a thread of the pool
// It goes to the pool and stays there: the caller goes on beside the loop.
#include "workshop/09-blocking-work/orders.hpp"

namespace orders {

asio::awaitable<int> store(shop& here, std::string what) {
    auto on_pool = asio::bind_executor(here.pool, asio::use_awaitable);
    co_await asio::post(on_pool);
    const std::lock_guard guard{here.std_mutex};
    co_return here.db.insert(what);
}

} // namespace orders
