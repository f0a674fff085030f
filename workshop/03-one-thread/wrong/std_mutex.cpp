// Says: a visitor's lock() blocks the only thread
// The mistake of lesson 1: locked in one turn, unlocked in a later one.
#include "workshop/03-one-thread/gate.hpp"

namespace fair {

asio::awaitable<void> visit(gate& here) {
    const std::lock_guard guard{here.std_mutex};
    const int seen = here.visitors;
    co_await here.save(seen + 1);
    here.visitors = seen + 1;
}

} // namespace fair
