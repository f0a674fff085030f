// Lesson 5, the exercise. Extract, drop, await: and one seat is sold three times. Repair buy(), so that
// a seat is sold once, nobody is charged who gets none, nobody waits while another one pays, and a seat
// whose payment fails can be sold again. A show may be cancelled at any time.
//
//     cmake --build build/lesson --target lesson_05_exercise && build/lesson/bin/lesson_05_exercise
//
// When that says SUCCESS, delete the next line.
// I AM NOT DONE
#include "workshop/05-invariants/box_office.hpp"

namespace tickets {

asio::awaitable<bool> buy(box_office& here, std::string show, std::string buyer) {
    int left = 0;
    {
        auto seats = co_await here.seats.lock();
        left = (*seats)[show];
    }
    if (left == 0)
        co_return false;
    const bool paid = co_await here.charge(buyer);
    if (!paid)
        co_return false;
    auto seats = co_await here.seats.lock();
    (*seats)[show] = left - 1;
    co_return true;
}

} // namespace tickets
