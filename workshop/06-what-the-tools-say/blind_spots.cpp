// What clang-tidy's two checks do not see. Each of these keeps std::mutex locked while the task
// sleeps, and each freezes the thread as surely as stand_in.cpp does. Compiled, never run; the target
// tidy fails if one of them were found after all.
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <mutex>
#include <optional>

namespace asio = boost::asio;

std::mutex mutex;

// No guard, no warning: both checks look for guards only.
asio::awaitable<void> by_hand(asio::steady_timer& sleep) {
    mutex.lock();
    co_await sleep.async_wait(asio::use_awaitable);
    mutex.unlock();
}

// The guard is not a variable of its own.
asio::awaitable<void> in_a_box(asio::steady_timer& sleep) {
    const std::optional<std::unique_lock<std::mutex>> box{std::in_place, mutex};
    co_await sleep.async_wait(asio::use_awaitable);
}

// Nor here: it is a member of something.
struct transaction {
    std::unique_lock<std::mutex> lock{mutex};
};

asio::awaitable<void> in_a_member(asio::steady_timer& sleep) {
    const transaction all_or_nothing;
    co_await sleep.async_wait(asio::use_awaitable);
}

// Nor a statement of its own.
asio::awaitable<void> in_an_if(asio::steady_timer& sleep) {
    if (std::unique_lock<std::mutex> lock{mutex}; lock.owns_lock()) {
        co_await sleep.async_wait(asio::use_awaitable);
    }
}

// A parameter is not looked at.
asio::awaitable<void> from_the_caller(std::unique_lock<std::mutex> lock,
                                      asio::steady_timer& sleep) {
    co_await sleep.async_wait(asio::use_awaitable);
    lock.unlock();
}
