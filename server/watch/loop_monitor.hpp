// The watch thread: it survives the freeze of the loop. It asks the loop for a sign of life, tells
// when there is none, and takes the signals, so that Ctrl-C ends a frozen server too. Never takes
// the chat lock.
#pragma once

#include "server/sync/lock_ledger.hpp"
#include "server/sync/loop_executor.hpp"
#include "server/watch/health.hpp"
#include "server/watch/histogram.hpp"
#include "server/watch/session_names.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace chat {

class loop_monitor {
public:
    struct settings {
        std::chrono::milliseconds stall_after;  ///< no turn of the loop for so long is a stall
        std::chrono::milliseconds starve_after; ///< nor may the lock stand still for so long
        bool exit_on_stall;                     ///< then end the process with exit_frozen
        std::function<void()> on_signal;        ///< runs on the loop at the first SIGINT or SIGTERM
    };

    static constexpr int exit_frozen = 3;

    /// To be made on the loop's thread, before the watch thread runs `watch`.
    loop_monitor(asio::io_context& watch, loop_executor loop, const lock_ledger& ledger,
                 const session_names& names, settings how);

    // --- On the watch thread ---

    [[nodiscard]] chat::health health() const { return health_; }

    /// The last stall report, as JSON.
    [[nodiscard]] const std::optional<std::string>& last_report() const { return last_report_; }

    /// How long the loop took to answer probes.
    [[nodiscard]] const histogram& lag() const { return lag_; }

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
    const lock_ledger& ledger_;
    const session_names& names_;
    asio::steady_timer timer_;
    asio::signal_set signals_;
    std::shared_ptr<probe> probe_ = std::make_shared<probe>();
    clock::time_point asked_at_{};
    bool stalled_ = false;
    bool signalled_ = false;
    chat::health health_;
    std::optional<std::string> last_report_;
    histogram lag_;
};

} // namespace chat
