// Lesson 9, the solution: a thread of the pool makes the call, and std::mutex lets one in at a time. It may
// block there: that is what the pool's threads are for. It is locked and unlocked with no suspension between.
#include "workshop/09-blocking-work/orders.hpp"

namespace orders {

namespace {

asio::awaitable<int> insert(shop& here, std::string what) {
    const std::lock_guard guard{here.std_mutex};
    co_return here.db.insert(what);
}

} // namespace

asio::awaitable<int> store(shop& here, std::string what) {
    auto work = insert(here, std::move(what));
    co_return co_await asio::co_spawn(here.pool, std::move(work), asio::use_awaitable);
}

} // namespace orders
