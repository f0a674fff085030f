// Lesson 1, the solution: the lock protects the book, not the printing. The guard ends at the brace,
// before the co_await. What is needed afterwards was copied out.
#include "workshop/01-the-freeze/cafe.hpp"

namespace cafe {

asio::awaitable<int> take_order(shop& here, std::string drink) {
    int number = 0;
    {
        auto orders = co_await here.orders.lock();
        orders->open.push_back(drink);
        number = ++orders->taken;
    } // released: nothing below can freeze the café
    co_await here.printer.print(drink);
    co_return number;
}

} // namespace cafe
