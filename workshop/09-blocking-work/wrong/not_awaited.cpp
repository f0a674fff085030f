// Says: store() did not wait
// The call runs somewhere, some time. What it throws is lost, and its result too.
#include "workshop/09-blocking-work/orders.hpp"

#include <boost/asio/detached.hpp>

namespace orders {

asio::awaitable<int> insert(shop& here, std::string what) {
    const std::lock_guard guard{here.std_mutex};
    co_return here.db.insert(what);
}

asio::awaitable<int> store(shop& here, std::string what) {
    asio::co_spawn(here.pool, insert(here, std::move(what)), asio::detached);
    co_return 0;
}

} // namespace orders
