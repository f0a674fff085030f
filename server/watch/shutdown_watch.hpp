// Takes SIGINT, SIGTERM and SIGHUP on the watch thread, so that Ctrl-C ends a frozen server. The first signal
// asks the loop for a clean shutdown, and a second one ends the process at once.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <chrono>
#include <functional>
#include <optional>

namespace chat {

inline constexpr int exit_frozen = 3;

/// Everything runs on the watch thread.
class shutdown_watch {
public:
    using clock = std::chrono::steady_clock;

    struct settings {
        std::chrono::milliseconds time; ///< for a clean shutdown, from the first signal
        /// Asks the loop to shut down before the deadline. Must not wait for the loop.
        std::function<void(clock::time_point)> shut_down;
        std::function<bool()> seems_frozen; ///< at a second signal: decides the exit code
    };

    /// Under `nohup`, SIGHUP stays ignored.
    shutdown_watch(boost::asio::io_context& watch, settings how);

    /// Ends the process with exit_frozen if a shutdown was requested and cannot be clean.
    void give_up_if_hopeless(clock::time_point now, clock::duration silent,
                             const std::function<bool()>& is_deadlocked) const;

    /// True if a shutdown with this deadline cannot be clean: the loop has been silent for 0.5 s, and it is
    /// deadlocked or the deadline has passed. Any other silence may end in time.
    [[nodiscard]] static bool is_hopeless(std::optional<clock::time_point> deadline,
                                          clock::time_point now, clock::duration silent,
                                          const std::function<bool()>& is_deadlocked);

private:
    void await_signal();
    void on_signal(int number);

    boost::asio::signal_set signals_;
    settings how_;
    std::optional<clock::time_point> deadline_; // since the first signal
};

} // namespace chat
