// Says: a strand is not a thread
// The strand keeps turns apart. The next turn may run on any thread.
#include "workshop/07-threads/archive.hpp"

#include <boost/asio/bind_executor.hpp>

namespace archive {

asio::awaitable<int> add(shelves& here, std::string title) {
    auto on_strand = asio::bind_executor(here.strand, asio::use_awaitable);
    co_await asio::post(on_strand);
    std::unique_lock lock{here.mutex};
    const int number = here.reserve();
    co_await here.fetch();
    co_await asio::post(on_strand);
    here.put(number, std::move(title));
    co_return number;
}

} // namespace archive
