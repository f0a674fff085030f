// Says: 0 of 3 guests got a receipt
// A coroutine that nobody awaits does not run.
#include "workshop/01-the-freeze/cafe.hpp"

namespace cafe {

asio::awaitable<int> take_order(shop& here, std::string drink) {
    auto orders = co_await here.orders.lock();
    orders->open.push_back(drink);
    auto nobody_awaits_this = here.printer.print(drink);
    co_return ++orders->taken;
}

} // namespace cafe
