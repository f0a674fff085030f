// Says: the archive was asked again for every text
// Quick, and not a cache any more.
#include "workshop/04-hold-or-copy/library.hpp"

namespace library {

asio::awaitable<std::string> find(house& here, std::string title) {
    {
        auto shelf = co_await here.shelf.lock();
        if (shelf->has(title))
            co_return shelf->get(title);
    }
    auto text = co_await here.archive(title);
    co_return text;
}

} // namespace library
