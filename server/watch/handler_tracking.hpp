// Asio includes this file instead of its own handler tracking (BOOST_ASIO_CUSTOM_HANDLER_TRACKING).
// It counts one of Asio's events, the end of a handler, and ignores the others. The watch thread
// needs the count to tell a busy loop from one that is stuck in a handler.
#pragma once

#include <atomic>
#include <cstdint>

namespace chat {

/// How many handlers have ended on this thread. Written only by this thread.
inline constinit thread_local std::atomic<std::uint64_t> handlers_ended{0};

inline void count_handler_end() noexcept {
    // Only one thread writes, so no atomic read-modify-write is needed.
    handlers_ended.store(handlers_ended.load(std::memory_order_relaxed) + 1,
                         std::memory_order_relaxed);
}

} // namespace chat

#define BOOST_ASIO_HANDLER_INVOCATION_END ::chat::count_handler_end()

#define BOOST_ASIO_INHERIT_TRACKED_HANDLER
#define BOOST_ASIO_ALSO_INHERIT_TRACKED_HANDLER
#define BOOST_ASIO_HANDLER_TRACKING_INIT (void)0
#define BOOST_ASIO_HANDLER_LOCATION(args) (void)0
#define BOOST_ASIO_HANDLER_CREATION(args) (void)0
#define BOOST_ASIO_HANDLER_COMPLETION(args) (void)0
#define BOOST_ASIO_HANDLER_INVOCATION_BEGIN(args) (void)0
#define BOOST_ASIO_HANDLER_OPERATION(args) (void)0
#define BOOST_ASIO_HANDLER_REACTOR_REGISTRATION(args) (void)0
#define BOOST_ASIO_HANDLER_REACTOR_DEREGISTRATION(args) (void)0
#define BOOST_ASIO_HANDLER_REACTOR_READ_EVENT 0
#define BOOST_ASIO_HANDLER_REACTOR_WRITE_EVENT 0
#define BOOST_ASIO_HANDLER_REACTOR_ERROR_EVENT 0
#define BOOST_ASIO_HANDLER_REACTOR_EVENTS(args) (void)0
#define BOOST_ASIO_HANDLER_REACTOR_OPERATION(args) (void)0
