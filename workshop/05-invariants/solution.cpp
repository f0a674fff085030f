// Lesson 5, the solution: reserve. The seat changes hands under the lock, before the payment, and so what
// others read is true at any time. If the payment fails, look again: the show may be gone.
#include "workshop/05-invariants/box_office.hpp"

namespace tickets {

asio::awaitable<bool> buy(box_office& here, std::string show, std::string buyer) {
    {
        auto seats = co_await here.seats.lock();
        const auto found = seats->find(show);
        if (found == seats->end() || found->second == 0)
            co_return false;
        --found->second;
    } // reserved, and the lock is free
    const bool paid = co_await here.charge(buyer);
    if (!paid) {
        auto seats = co_await here.seats.lock();
        const auto found = seats->find(show);
        if (found != seats->end())
            ++found->second;
    }
    co_return paid;
}

} // namespace tickets
