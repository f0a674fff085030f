// Says: two threads were in the connection
// Off the loop, and now four threads share a connection that takes one.
#include "workshop/09-blocking-work/orders.hpp"

namespace orders {

asio::awaitable<int> insert(shop& here, std::string what) {
    co_return here.db.insert(what);
}

asio::awaitable<int> store(shop& here, std::string what) {
    auto work = insert(here, std::move(what));
    co_return co_await asio::co_spawn(here.pool, std::move(work), asio::use_awaitable);
}

} // namespace orders
