// Lesson 1, the exercise. Two tasks share the order book on one thread, and the café freezes at its
// first customer. Repair take_order; leave std::mutex, the printer and the barista as they are.
//
//     cmake --build build/lesson --target lesson_01_exercise && build/lesson/bin/lesson_01_exercise
//
// When that says SUCCESS, delete the next line.
// I AM NOT DONE
#include "workshop/01-the-freeze/cafe.hpp"

#include <boost/asio/this_coro.hpp>

namespace cafe {

asio::awaitable<int> take_order(shop& here, std::string drink) {
    auto orders = co_await here.orders.lock();
    orders->open.push_back(drink);
    ++orders->taken;
    co_await here.printer.print(drink);
    co_return orders->taken;
}

asio::awaitable<std::vector<std::string>> serve(shop& here, std::size_t customers) {
    asio::steady_timer clock{co_await asio::this_coro::executor};
    std::vector<std::string> made;
    while (made.size() < customers) {
        {
            auto orders = co_await here.orders.lock();
            if (!orders->open.empty()) {
                made.push_back(orders->open.front());
                orders->open.pop_front();
            }
        } // released: she makes the drink without the book
        clock.expires_after(std::chrono::milliseconds{1});
        co_await clock.async_wait(asio::use_awaitable);
    }
    co_return made;
}

} // namespace cafe
