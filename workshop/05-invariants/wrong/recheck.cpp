// Says: charged in vain
// Pay, look again, give the money back. Right where trying costs nothing, and here it costs money.
#include "workshop/05-invariants/box_office.hpp"

namespace tickets {

asio::awaitable<bool> buy(box_office& here, std::string show, std::string buyer) {
    const bool paid = co_await here.charge(buyer);
    if (!paid)
        co_return false;
    auto seats = co_await here.seats.lock();
    const auto found = seats->find(show);
    if (found == seats->end() || found->second == 0) {
        here.refund(buyer);
        co_return false;
    }
    --found->second;
    co_return true;
}

} // namespace tickets
