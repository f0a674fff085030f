// The switch of this project: which lock protects the shared message buffer, and whether its guard
// is held across a co_await. All other source of the server stays the same. CMake defines both
// macros for each server target. (The cache variables CHAT_MUTEX and CHAT_GUARD choose those of
// `chat-server`.)
//
//   CHAT_MUTEX_STD           1: std::mutex blocks the loop's thread
//                            0: the async mutex suspends the coroutine
//   CHAT_GUARD_ACROSS_AWAIT  1: the guard is held across the co_await
//                            0: it is released before
//
// std and across_await together freeze the server on the first message. All other combinations run.
#pragma once

#include "server/loop/loop_executor.hpp"
#include "server/sync/async_mutex.hpp"
#include "server/sync/blocking_mutex.hpp"
#include "server/sync/lock_ledger.hpp"

#include <string_view>

#if !defined(CHAT_MUTEX_STD) || !defined(CHAT_GUARD_ACROSS_AWAIT)
#error                                                                                             \
    "define CHAT_MUTEX_STD and CHAT_GUARD_ACROSS_AWAIT to 0 or 1 for each target that sees this header"
#endif

namespace chat {

#if CHAT_MUTEX_STD
using buffer_observer = lock_observer<who_waits::thread>;
using buffer_mutex = basic_blocking_mutex<loop_executor, buffer_observer>;
inline constexpr std::string_view mutex_name = "std";
#else
using buffer_observer = lock_observer<who_waits::task>;
using buffer_mutex = basic_async_mutex<loop_executor, concurrent, buffer_observer>;
inline constexpr std::string_view mutex_name = "async";
#endif

inline constexpr bool hold_guard_across_await = CHAT_GUARD_ACROSS_AWAIT;
inline constexpr std::string_view guard_name =
    hold_guard_across_await ? "across_await" : "released";

} // namespace chat
