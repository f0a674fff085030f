// Says: others waited
// Right for the seats, and everybody else waits for this buyer's bank.
#include "workshop/05-invariants/box_office.hpp"

namespace tickets {

asio::awaitable<bool> buy(box_office& here, std::string show, std::string buyer) {
    auto seats = co_await here.seats.lock();
    const auto found = seats->find(show);
    if (found == seats->end() || found->second == 0)
        co_return false;
    const bool paid = co_await here.charge(buyer);
    if (paid)
        --found->second;
    co_return paid;
}

} // namespace tickets
