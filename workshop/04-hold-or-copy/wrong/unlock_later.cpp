// Says: others waited
// An explicit unlock(), as soon as the shelf is no longer needed. It is needed too long.
#include "workshop/04-hold-or-copy/library.hpp"

namespace library {

asio::awaitable<std::string> find(house& here, std::string title) {
    auto shelf = co_await here.shelf.lock();
    if (shelf->has(title))
        co_return shelf->get(title);
    auto text = co_await here.archive(title);
    shelf->put(title, text);
    shelf.unlock();
    co_return text;
}

} // namespace library
