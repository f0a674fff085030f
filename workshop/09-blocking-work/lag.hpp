// Measures how late the loop is: a timer rings each millisecond, and notes how late it was served.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>

namespace workshop {

using milliseconds = std::chrono::duration<double, std::milli>;

/// Runs until `working` is 0, and leaves the worst delay in `worst`.
inline boost::asio::awaitable<void> watch_the_loop(const int& working, milliseconds& worst) {
    boost::asio::steady_timer clock{co_await boost::asio::this_coro::executor};
    while (working > 0) {
        clock.expires_after(std::chrono::milliseconds{1});
        co_await clock.async_wait(boost::asio::use_awaitable);
        const milliseconds late = std::chrono::steady_clock::now() - clock.expiry();
        worst = std::max(worst, late);
    }
}

} // namespace workshop
