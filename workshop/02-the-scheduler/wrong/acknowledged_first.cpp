// Says: waits for an acknowledgement before it has written
// The co_await comes before the lock, and so does the acknowledgement before the message.
#include "workshop/02-the-scheduler/tasks.hpp"

namespace scheduler {

std::string an_order_that_lives() {
    return "AABB";
}

std::string an_order_that_freezes() {
    return "ABAB";
}

asio::awaitable<void> post(std_worker& me) {
    co_await me.acknowledged();
    auto guard = co_await me.lock();
    me.write();
}

} // namespace scheduler
