// Says: a seat is lost
// Reserved, and forgotten when the card is refused.
#include "workshop/05-invariants/box_office.hpp"

namespace tickets {

asio::awaitable<bool> buy(box_office& here, std::string show, std::string buyer) {
    {
        auto seats = co_await here.seats.lock();
        const auto found = seats->find(show);
        if (found == seats->end() || found->second == 0)
            co_return false;
        --found->second;
    }
    const bool paid = co_await here.charge(buyer);
    co_return paid;
}

} // namespace tickets
