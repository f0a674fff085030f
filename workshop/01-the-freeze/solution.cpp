// Lesson 1, the solution: the lock protects the book, not the printing. The guard ends at the
// brace, before the co_await; what is needed afterwards was copied out.
#include "workshop/01-the-freeze/cafe.hpp"

#include <boost/asio/this_coro.hpp>

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
