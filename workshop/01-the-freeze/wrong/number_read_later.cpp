// Says: the numbers were 3, 3, 3
// The number is read after the suspension, when the others have been to the book.
#include "workshop/01-the-freeze/cafe.hpp"

namespace cafe {

asio::awaitable<int> take_order(shop& here, std::string drink) {
    {
        auto orders = co_await here.orders.lock();
        orders->open.push_back(drink);
        ++orders->taken;
    }
    co_await here.printer.print(drink);
    auto orders = co_await here.orders.lock();
    co_return orders->taken;
}

} // namespace cafe
