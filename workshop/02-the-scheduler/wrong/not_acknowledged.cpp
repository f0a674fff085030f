// Says: ends before its message is written and acknowledged
// Without the co_await there is one turn, and no order can go wrong. Nor does the message arrive.
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
    co_return;
}

} // namespace scheduler
