// Says: writes without the lock
// Nothing freezes without a lock, and nothing is protected.
#include "workshop/02-the-scheduler/tasks.hpp"

namespace scheduler {

std::string an_order_that_lives() {
    return "AABB";
}

std::string an_order_that_freezes() {
    return "ABAB";
}

asio::awaitable<void> post(std_worker& me) {
    me.write();
    co_await me.acknowledged();
}

} // namespace scheduler
