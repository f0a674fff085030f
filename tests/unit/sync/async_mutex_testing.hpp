// Helpers of the tests of the async mutex, all of which run on one thread.
#pragma once

#include "server/loop/loop_executor.hpp"
#include "server/sync/async_mutex.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstddef>
#include <exception>
#include <utility>

namespace chat {

using boost::system::error_code;

/// Both threading policies and both kinds of executor. The other two pairs add only compile time.
using concurrent_mutex = basic_async_mutex<loop_executor>;
using local_mutex = unsynchronized_async_mutex;
#ifdef CHAT_TEST_ONE_MUTEX
#define BOTH_MUTEXES concurrent_mutex
#else
#define BOTH_MUTEXES concurrent_mutex, local_mutex
#endif

template <class Mutex>
using coroutine = asio::awaitable<void, typename Mutex::executor_type>;

template <class Mutex>
inline constexpr asio::use_awaitable_t<typename Mutex::executor_type> use_it{};

/// Runs a coroutine to its end. Rethrows its exception in the body of the test.
template <class Executor>
void run(asio::io_context& loop, asio::awaitable<void, Executor> body) {
    std::exception_ptr failure;
    asio::co_spawn(loop, std::move(body), [&](std::exception_ptr error) { failure = error; });
    loop.restart();
    loop.run();
    if (failure)
        std::rethrow_exception(failure);
}

/// The outcome of one async_lock().
template <class Mutex>
struct outcome {
    int runs = 0; ///< how often the handler ran
    error_code ec;
    typename Mutex::guard guard;

    auto handler() {
        return [this](error_code result, typename Mutex::guard held) {
            ++runs;
            ec = result;
            guard = std::move(held);
        };
    }

    bool granted() const { return runs == 1 && !ec && guard.owns_lock(); }

    bool aborted() const {
        return runs == 1 && ec == asio::error::operation_aborted && !guard.owns_lock();
    }
};

template <class Mutex, class Signal>
void lock_cancellably(Mutex& mutex, Signal& stop, outcome<Mutex>& result) {
    mutex.async_lock(asio::bind_cancellation_slot(stop.slot(), result.handler()));
}

inline std::size_t poll(asio::io_context& loop) {
    loop.restart();
    return loop.poll();
}

} // namespace chat
