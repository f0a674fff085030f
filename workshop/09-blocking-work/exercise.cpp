// Lesson 9, the exercise. store() has an async mutex, and the loop is 400 ms late. Repair it.
//
//     cmake --build build/lesson --target lesson_09_exercise && build/lesson/bin/lesson_09_exercise
//
// When that says SUCCESS, delete the next line.
// I AM NOT DONE
#include "workshop/09-blocking-work/orders.hpp"

namespace orders {

asio::awaitable<int> store(shop& here, std::string what) {
    auto guard = co_await here.async_mutex.lock();
    co_return here.db.insert(what);
}

} // namespace orders
