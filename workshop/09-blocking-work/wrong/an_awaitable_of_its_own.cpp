// Says: the loop's own thread made the call
// "awaitable" says that a function may suspend. This one never does.
#include "workshop/09-blocking-work/orders.hpp"

namespace orders {

asio::awaitable<int> insert(shop& here, std::string what) {
    co_return here.db.insert(what);
}

asio::awaitable<int> store(shop& here, std::string what) {
    auto guard = co_await here.async_mutex.lock();
    co_return co_await insert(here, std::move(what));
}

} // namespace orders
