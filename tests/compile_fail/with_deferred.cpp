// with(f) must reject a function that only prepares an operation: it would run without the lock.
#include "server/loop/loop_executor.hpp"
#include "server/sync/blocking_mutex.hpp"
#include "server/sync/guarded.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>

using namespace chat;

task<> wrong(guarded<asio::steady_timer, basic_blocking_mutex<loop_executor>>& clock) {
    auto body = [](asio::steady_timer& timer) { return timer.async_wait(asio::deferred); };
    co_await clock.with(body);
}
