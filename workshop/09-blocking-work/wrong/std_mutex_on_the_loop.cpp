// Says: frozen:
// The right lock in the wrong place: lesson 1.
#include "workshop/09-blocking-work/orders.hpp"

namespace orders {

asio::awaitable<int> insert(shop& here, std::string what) {
    co_return here.db.insert(what);
}

asio::awaitable<int> store(shop& here, std::string what) {
    const std::lock_guard guard{here.std_mutex};
    auto work = insert(here, std::move(what));
    co_return co_await asio::co_spawn(here.pool, std::move(work), asio::use_awaitable);
}

} // namespace orders
