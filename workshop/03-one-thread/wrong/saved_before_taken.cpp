// Says: number 1 is saved more than once
// ++ is right, but the number that is saved was read ten times before.
#include "workshop/03-one-thread/gate.hpp"

namespace fair {

asio::awaitable<void> visit(gate& here) {
    co_await here.save(here.visitors + 1);
    ++here.visitors;
}

} // namespace fair
