// One run from the first connection to the report: all clients join, the senders send, the run waits for
// messages in flight, all clients leave. Loop thread only.
#pragma once

#include "client/crowd.hpp"
#include "client/options.hpp"
#include "client/report/report.hpp"
#include "client/talk.hpp"
#include "client/timeline.hpp"
#include "client/watchdog.hpp"

#include <optional>
#include <string>

namespace chat::load {

class load_run {
public:
    load_run(asio::io_context& loop, const load_options& options, server_address server,
             progress_line progress);

    /// Runs the load from the first join to the last close. Returns when all connections are closed.
    task<> conduct();

    /// Ends the run early, for example on Ctrl-C. The report covers the run so far.
    void interrupt();

    bool has_ended() const { return ended_; }

    /// Returns why there was no run, in one line that says what to do; nothing if there was one.
    const std::optional<std::string>& failure() const { return failure_; }

    report make_report() const;

private:
    task<> talk_for_the_time();
    task<> talk_until(time_point end);
    task<> wait_for_the_rest();
    task<bool> wait_until(time_point limit);
    bool is_hopeless() const;
    void check_limit(report& r, std::string_view name, double quantile,
                     std::optional<nanoseconds> allowed) const;

    const load_options& options_;
    server_address server_;
    progress_line progress_;
    ledger book_;
    error_counts errors_;
    poller sockets_;
    read_buffer shared_;
    run_context context_;
    crowd crowd_;
    talk talk_;
    timeline timeline_;
    bell cut_short_; ///< rung by the watchdog and by interrupt()
    watchdog watchdog_;
    std::optional<std::string> failure_;
    bool joined_ = false;
    bool interrupted_ = false;
    bool ended_ = false;
    time_point start_{};         ///< start of sending
    time_point measured_from_{}; ///< end of the warm-up
    time_point stop_{};          ///< end of sending
    tally at_measured_;
    tally at_stop_;
};

} // namespace chat::load
