// The one executor type of the server: that of the single-threaded io_context on which all chat
// runs. A concrete type where asio::any_io_executor would also do: no type erasure on each
// completion.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace chat {

namespace asio = boost::asio;

using loop_executor = asio::io_context::executor_type;

/// What a coroutine of the server returns: it runs on the loop, starts when awaited or spawned.
template <class T = void>
using task = asio::awaitable<T, loop_executor>;

/// The completion token of the server's coroutines.
inline constexpr asio::use_awaitable_t<loop_executor> use_task{};

} // namespace chat
