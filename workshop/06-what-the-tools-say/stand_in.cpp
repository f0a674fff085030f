// The server's freeze in its smallest form: two tasks, one thread, one std::mutex. It freezes each
// time, without a word, and has to be ended from outside. Any tool may try its luck on it; here the
// guard is std::unique_lock, which tools know.
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <iostream>
#include <mutex>
#include <vector>

namespace asio = boost::asio;

namespace {

std::mutex mutex;
std::vector<int> messages; // guarded by mutex

/// Task A. Its sleep stands for the acknowledgement.
asio::awaitable<void> say(asio::io_context& loop) {
    // WRONG ON PURPOSE: the lock lives on through the co_await.
    std::unique_lock<std::mutex> lock{mutex};
    messages.push_back(1);
    asio::steady_timer acknowledged{loop, std::chrono::milliseconds{10}};
    co_await acknowledged.async_wait(asio::use_awaitable);
    messages.push_back(2);
}

/// Task B.
asio::awaitable<void> fan_out() {
    const std::lock_guard<std::mutex> lock{mutex}; // blocks the thread that has to wake up task A
    std::cout << messages.size() << " messages" << std::endl;
    co_return;
}

void end_if_failed(std::exception_ptr failed) {
    if (failed)
        std::rethrow_exception(failed);
}

} // namespace

int main() {
    asio::io_context loop{1};
    asio::co_spawn(loop, say(loop), end_if_failed);
    asio::co_spawn(loop, fan_out(), end_if_failed);
    try {
        loop.run();
    } catch (const std::exception& error) {
        std::cout << "ended: " << error.what() << std::endl;
        return 1;
    }
}
