// Says: heap-use-after-free
// The lock is released, and a reference into the map is not. Built with AddressSanitizer.
#include "workshop/05-invariants/box_office.hpp"

namespace tickets {

asio::awaitable<bool> buy(box_office& here, std::string show, std::string buyer) {
    int* left = nullptr;
    {
        auto seats = co_await here.seats.lock();
        const auto found = seats->find(show);
        if (found == seats->end() || found->second == 0)
            co_return false;
        left = &found->second;
        --*left;
    }
    const bool paid = co_await here.charge(buyer);
    if (!paid) {
        auto seats = co_await here.seats.lock();
        ++*left; // the show may have been cancelled meanwhile
    }
    co_return paid;
}

} // namespace tickets
