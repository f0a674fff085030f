// Starts a coroutine that no other coroutine awaits. Its exceptions leave io_context::run(), and main
// reports them: a defect in the load client must not look like a silent server.
#pragma once

#include "server/loop/loop_executor.hpp"

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <utility>

namespace chat::load {

inline void spawn(asio::io_context& loop, task<> work) {
    asio::co_spawn(loop.get_executor(), std::move(work), [](std::exception_ptr failure) {
        if (failure)
            std::rethrow_exception(failure);
    });
}

} // namespace chat::load
