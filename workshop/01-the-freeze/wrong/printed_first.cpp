// Says: espresso was printed before it was in the book
// Nothing is locked while it prints. But the guest has a receipt for an order that nobody has noted.
#include "workshop/01-the-freeze/cafe.hpp"

namespace cafe {

asio::awaitable<int> take_order(shop& here, std::string drink) {
    co_await here.printer.print(drink);
    auto orders = co_await here.orders.lock();
    orders->open.push_back(drink);
    co_return ++orders->taken;
}

} // namespace cafe
