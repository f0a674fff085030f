// Says: without holding the lock
// Released before the co_await, which is right, and then forgotten.
#include "workshop/07-threads/archive.hpp"

namespace archive {

asio::awaitable<int> add(shelves& here, std::string title) {
    std::unique_lock lock{here.mutex};
    const int number = here.reserve();
    lock.unlock();
    co_await here.fetch();
    here.put(number, std::move(title));
    co_return number;
}

} // namespace archive
