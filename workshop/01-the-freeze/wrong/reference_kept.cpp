// Says: the numbers were 3, 3, 3
// Not a copy of the number but a reference to it.
#include "workshop/01-the-freeze/cafe.hpp"

namespace cafe {

asio::awaitable<int> take_order(shop& here, std::string drink) {
    auto orders = co_await here.orders.lock();
    orders->open.push_back(drink);
    const int& number = ++orders->taken;
    orders.unlock();
    co_await here.printer.print(drink);
    co_return number;
}

} // namespace cafe
