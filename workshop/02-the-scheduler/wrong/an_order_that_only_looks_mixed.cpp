// Says: BBAA lives
// The letters are in another order, but each task still has both of its turns side by side.
#include "workshop/02-the-scheduler/tasks.hpp"

namespace scheduler {

std::string an_order_that_lives() {
    return "AABB";
}

std::string an_order_that_freezes() {
    return "BBAA";
}

asio::awaitable<void> post(std_worker& me) {
    auto guard = co_await me.lock();
    me.write();
    guard.unlock();
    co_await me.acknowledged();
}

} // namespace scheduler
