// Says: the shelf is used without the lock
// Or, with asserts: this guard does not hold the lock
// The guard is still in scope, and its lock is gone.
#include "workshop/04-hold-or-copy/library.hpp"

namespace library {

asio::awaitable<std::string> find(house& here, std::string title) {
    auto shelf = co_await here.shelf.lock();
    if (shelf->has(title))
        co_return shelf->get(title);
    shelf.unlock();
    auto text = co_await here.archive(title);
    shelf->put(title, text);
    co_return text;
}

} // namespace library
