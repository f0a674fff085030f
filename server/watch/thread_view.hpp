// The loop's thread, looked at from the watch thread while it cannot speak for itself: does it sleep,
// has it used the processor, does it still end handlers, and where in the code is it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <vector>

#include <pthread.h>
#include <sys/types.h>

namespace chat {

class thread_view {
public:
    /// Of the calling thread, which must outlive this. Installs the handler of a real-time signal.
    thread_view();

    [[nodiscard]] pid_t id() const { return id_; }

    /// The letter of /proc: R runs or is ready to, S sleeps, D sleeps in the kernel.
    [[nodiscard]] char state() const;

    [[nodiscard]] std::chrono::nanoseconds cpu_time() const;

    [[nodiscard]] std::uint64_t handlers_ended() const {
        return handlers_ended_->load(std::memory_order_relaxed);
    }

    /// Return addresses, innermost first. The thread takes them itself, in a signal handler; empty
    /// when it did not answer the signal in time.
    [[nodiscard]] std::vector<void*> stack() const;

private:
    pid_t id_;
    pthread_t handle_;
    const std::atomic<std::uint64_t>* handlers_ended_;
};

} // namespace chat
