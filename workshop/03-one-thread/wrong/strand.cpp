// Says: A strand or an atomic does not help
// A strand runs one turn at a time. On one thread that was true before.
#include "workshop/03-one-thread/gate.hpp"

#include <boost/asio/bind_executor.hpp>

namespace fair {

asio::awaitable<void> visit(gate& here) {
    auto on_the_strand = asio::bind_executor(here.strand, asio::use_awaitable);
    co_await asio::post(std::move(on_the_strand));
    const int seen = here.visitors;
    co_await here.save(seen + 1);
    here.visitors = seen + 1;
}

} // namespace fair
