// Lesson 1, the exercise. Two kinds of task share the order book on one thread, and the café freezes at
// its first guest. Repair take_order, and keep the lock.
//
//     cmake --build build/lesson --target lesson_01_exercise && build/lesson/bin/lesson_01_exercise
//
// When that says SUCCESS, delete the next line.
// I AM NOT DONE
#include "workshop/01-the-freeze/cafe.hpp"

namespace cafe {

asio::awaitable<int> take_order(shop& here, std::string drink) {
    auto orders = co_await here.orders.lock();
    orders->open.push_back(drink);
    ++orders->taken;
    co_await here.printer.print(drink);
    co_return orders->taken;
}

} // namespace cafe
