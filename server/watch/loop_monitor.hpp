// The watch thread: it survives the freeze of the loop. It asks the loop for a sign of life, tells
// when there is none, and takes the signals, so that Ctrl-C ends a frozen server too. Never takes
// the chat lock.
#pragma once

#include "server/sync/loop_executor.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

namespace chat {

class loop_monitor {
public:
    struct settings {
        std::chrono::milliseconds stall_after; ///< no turn of the loop for so long is a stall
        bool exit_on_stall;                    ///< then end the process with exit_frozen
        std::function<void()> on_signal;       ///< runs on the loop at the first SIGINT or SIGTERM
    };

    static constexpr int exit_frozen = 3;

    /// Starts the thread. `loop` must outlive this.
    loop_monitor(loop_executor loop, settings how);

    /// Ends the thread.
    ~loop_monitor();

    loop_monitor(const loop_monitor&) = delete;
    loop_monitor& operator=(const loop_monitor&) = delete;

private:
    using clock = std::chrono::steady_clock;

    // A question that the loop answers when it turns. Shared with the posted handler, which may
    // outlive us.
    struct probe {
        std::atomic<bool> answered{true};
    };

    void tick();
    void ask();
    void look(clock::time_point now);
    void await_signal();
    void on_signal();

    loop_executor loop_;
    settings how_;
    asio::io_context context_{1};
    asio::steady_timer timer_{context_};
    asio::signal_set signals_{context_};
    std::shared_ptr<probe> probe_ = std::make_shared<probe>();
    clock::time_point asked_at_{};
    bool stalled_ = false;
    bool signalled_ = false;
    std::thread thread_; // last: it uses all of the above
};

} // namespace chat
