// Says: frozen in 84 of 90
// An unlock() that the reader can see, and in the wrong place.
#include "workshop/02-the-scheduler/tasks.hpp"

namespace scheduler {

std::string an_order_that_lives() {
    return "AABB";
}

std::string an_order_that_freezes() {
    return "ABAB";
}

asio::awaitable<void> post(std_worker& me) {
    auto guard = co_await me.lock();
    me.write();
    co_await me.acknowledged();
    guard.unlock();
}

} // namespace scheduler
