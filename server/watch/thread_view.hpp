// The loop's thread as seen from the watch thread: whether it sleeps, how much processor time it
// uses, whether its handlers still end, and where in the code it is. Works while the loop is
// frozen.
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
    /// Observes the calling thread, which must outlive this object. Installs the handler of a
    /// real-time signal.
    thread_view();

    [[nodiscard]] pid_t id() const { return id_; }

    /// The state letter in /proc: R is running or ready to run, S sleeps, D sleeps in the kernel.
    [[nodiscard]] char state() const;

    [[nodiscard]] std::chrono::nanoseconds cpu_time() const;

    [[nodiscard]] std::uint64_t handlers_ended() const {
        return handlers_ended_->load(std::memory_order_relaxed);
    }

    /// Returns the return addresses, innermost first. The thread collects them itself, in a signal
    /// handler. Empty if it does not handle the signal in time.
    [[nodiscard]] std::vector<void*> stack() const;

private:
    pid_t id_;
    pthread_t handle_;
    const std::atomic<std::uint64_t>* handlers_ended_;
};

} // namespace chat
