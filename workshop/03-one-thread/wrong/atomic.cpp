// Says: A strand or an atomic does not help
// Each access is atomic. The two together are not.
#include "workshop/03-one-thread/gate.hpp"

#include <atomic>

namespace fair {

asio::awaitable<void> visit(gate& here) {
    std::atomic_ref<int> visitors{here.visitors};
    const int seen = visitors.load();
    co_await here.save(seen + 1);
    visitors.store(seen + 1);
}

} // namespace fair
