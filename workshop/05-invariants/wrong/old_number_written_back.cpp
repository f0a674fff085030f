// Says: sold 3 of 2 after a refused card
// Reserved, and then the number of seats from before the payment is written back.
#include "workshop/05-invariants/box_office.hpp"

namespace tickets {

asio::awaitable<bool> buy(box_office& here, std::string show, std::string buyer) {
    int left = 0;
    {
        auto seats = co_await here.seats.lock();
        const auto found = seats->find(show);
        if (found == seats->end() || found->second == 0)
            co_return false;
        left = found->second--;
    }
    const bool paid = co_await here.charge(buyer);
    if (!paid) {
        auto seats = co_await here.seats.lock();
        const auto found = seats->find(show);
        if (found != seats->end())
            found->second = left;
    }
    co_return paid;
}

} // namespace tickets
