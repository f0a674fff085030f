// Twelve situations, and what each of them needs. decide() is yours, in exercise.cpp.
#pragma once

#include <array>

namespace which {

enum class choice {
    nothing,     // plain access
    atomic,      // std::atomic
    std_mutex,   // std::mutex, held for one turn at most
    async_mutex, // held across a co_await; who waits is suspended
    strand,      // all handlers that touch it run on one strand
    channel,     // a queue that a task can await
    thread_pool, // the call itself goes to threads that may block
};

/// One choice for each situation, in their order.
std::array<choice, 12> decide();

} // namespace which
