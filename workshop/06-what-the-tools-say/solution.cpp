// Lesson 6, the solution: a guard that a tool knows, and that ends before the co_await.
#include "workshop/06-what-the-tools-say/till.hpp"

namespace shop {

asio::awaitable<void> pay(till& here, int cents) {
    {
        const std::lock_guard lock{here.mutex};
        here.cents += cents;
    } // released: the reader may take its time
    co_await here.read_card();
}

} // namespace shop
