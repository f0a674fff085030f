// Lesson 2, the solution. In AABB and BBAA each task is finished before the other begins; in the other
// four orders the second task asks for the lock while the first one sleeps with it. Once the guard is
// released before the co_await, no task ever sleeps with the lock, and the order does not matter.
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
    guard.unlock();
    co_await me.acknowledged();
}

} // namespace scheduler
