#include "server/watch/loop_monitor.hpp"

#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

namespace chat {

namespace {

// Within which a loop that is asked to shut down must at least turn once.
constexpr std::chrono::milliseconds patience_at_a_signal{500};

long long milliseconds(std::chrono::steady_clock::duration time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

/// Ends the process from the watch thread: the loop's thread can't be joined, so nothing is
/// unwound.
[[noreturn]] void end_process(int code) {
    spdlog::default_logger()->flush();
    std::_Exit(code);
}

} // namespace

loop_monitor::loop_monitor(asio::io_context& watch, loop_executor loop, const lock_ledger& ledger,
                           const session_names& names, settings how)
    : loop_{loop}
    , how_{std::move(how)}
    , ledger_{ledger}
    , names_{names}
    , timer_{watch}
    , signals_{watch} {
    signals_.add(SIGINT);
    signals_.add(SIGTERM);
    await_signal();
    tick();
}

void loop_monitor::tick() {
    const auto now = clock::now();
    if (probe_->answered.load(std::memory_order_acquire)) {
        if (std::exchange(stalled_, false))
            spdlog::warn("loop moves again after_ms={}", milliseconds(now - asked_at_));
        health_ = {};
        ask();
    } else {
        look(now);
    }
    timer_.expires_after(std::clamp<clock::duration>(
        how_.stall_after / 5, std::chrono::milliseconds{2}, std::chrono::milliseconds{100}));
    timer_.async_wait([this](const boost::system::error_code& cancelled) {
        if (!cancelled)
            tick();
    });
}

void loop_monitor::ask() {
    asked_at_ = clock::now();
    probe_->answered.store(false, std::memory_order_relaxed);
    asio::post(loop_, [probe = probe_] { probe->answered.store(true, std::memory_order_release); });
}

void loop_monitor::look(clock::time_point now) {
    const auto silent = now - asked_at_;
    if (signalled_ && silent >= std::max<clock::duration>(how_.stall_after, patience_at_a_signal)) {
        spdlog::critical("loop is frozen, so no clean shutdown is possible for_ms={} exit={}",
                         milliseconds(silent), exit_frozen);
        end_process(exit_frozen);
    }
    if (stalled_ || silent < how_.stall_after)
        return;
    stalled_ = true;
    health_ = {condition::stalled, verdict::blocked, how_.stall_after};
    spdlog::critical("loop is frozen: its thread has not come back to the event loop for_ms={}",
                     milliseconds(silent));
    if (how_.exit_on_stall)
        end_process(exit_frozen);
}

void loop_monitor::await_signal() {
    signals_.async_wait([this](const boost::system::error_code& cancelled, int) {
        if (!cancelled)
            on_signal();
    });
}

void loop_monitor::on_signal() {
    if (signalled_) // the second one: at once
        end_process(stalled_ ? exit_frozen : EXIT_SUCCESS);
    signalled_ = true;
    asio::post(loop_, how_.on_signal);
    await_signal();
}

} // namespace chat
