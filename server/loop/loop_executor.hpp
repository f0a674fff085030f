// Types for code that runs on the loop, the chat's single-threaded io_context: executor, coroutines
// and timers. The executor is a concrete type, because with
// asio::any_io_executor every completion would pay for type erasure.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>

namespace chat {

namespace asio = boost::asio;

using loop_executor = asio::io_context::executor_type;

/// The return type of a coroutine on the loop. It starts when it is awaited or spawned.
template <class T = void>
using task = asio::awaitable<T, loop_executor>;

/// The completion token of coroutines on the loop.
inline constexpr asio::use_awaitable_t<loop_executor> use_task{};

/// A steady timer on the loop.
using loop_timer = asio::steady_timer::rebind_executor<loop_executor>::other;

/// Completion handler for a spawned coroutine that must not fail: its exception leaves run().
inline void rethrow(std::exception_ptr failure) {
    if (failure)
        std::rethrow_exception(failure);
}

} // namespace chat
