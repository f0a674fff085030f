// Says: the saves waited for each other
// It counts to ten, and takes ten times as long.
#include "workshop/03-one-thread/gate.hpp"

namespace fair {

asio::awaitable<void> visit(gate& here) {
    auto guard = co_await here.async_mutex.lock();
    const int seen = here.visitors;
    co_await here.save(seen + 1);
    here.visitors = seen + 1;
}

} // namespace fair
