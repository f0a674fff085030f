// Says: frozen: the café's only thread
// An unlock() that comes after the suspension.
#include "workshop/01-the-freeze/cafe.hpp"

namespace cafe {

asio::awaitable<int> take_order(shop& here, std::string drink) {
    auto orders = co_await here.orders.lock();
    orders->open.push_back(drink);
    const int number = ++orders->taken;
    co_await here.printer.print(drink);
    orders.unlock();
    co_return number;
}

} // namespace cafe
