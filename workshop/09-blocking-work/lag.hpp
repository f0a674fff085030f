// Measures how late the loop is: a timer rings each millisecond, and notes how late it was served. Time in
// which the kernel gave the processor to other programs does not count, so a busy machine changes little.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fstream>

namespace workshop {

using milliseconds = std::chrono::duration<double, std::milli>;

/// How long the calling thread has been ready to run, all in all, and had no processor.
inline std::chrono::nanoseconds waited_for_a_processor() {
    std::ifstream schedstat{"/proc/thread-self/schedstat"};
    std::int64_t ran = 0;
    std::int64_t waited = 0;
    schedstat >> ran >> waited;
    return std::chrono::nanoseconds{waited};
}

/// Runs until `working` is 0, and leaves the worst delay in `worst`.
inline boost::asio::awaitable<void> watch_the_loop(const int& working, milliseconds& worst) {
    boost::asio::steady_timer clock{co_await boost::asio::this_coro::executor};
    while (working > 0) {
        const auto waited = waited_for_a_processor();
        clock.expires_after(std::chrono::milliseconds{1});
        co_await clock.async_wait(boost::asio::use_awaitable);
        const auto late = std::chrono::steady_clock::now() - clock.expiry();
        worst = std::max<milliseconds>(worst, late - (waited_for_a_processor() - waited));
    }
}

} // namespace workshop
