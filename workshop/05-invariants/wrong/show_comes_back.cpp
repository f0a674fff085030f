// Says: a cancelled show is on sale again
// The seat is given back to a show that is not there any more.
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
    if (!paid) {
        auto seats = co_await here.seats.lock();
        ++(*seats)[show];
    }
    co_return paid;
}

} // namespace tickets
