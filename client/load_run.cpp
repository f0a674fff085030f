#include "client/load_run.hpp"

#include "client/spawn.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <utility>

namespace chat::load {

namespace {

nanoseconds sample_interval(const load_options& options) {
    return std::clamp<nanoseconds>((options.warmup + options.duration) / 100,
                                   std::chrono::milliseconds{20}, std::chrono::seconds{1});
}

silence_report describe(const silence& s, time_point start) {
    return {.at_ms = std::max(in_milliseconds(s.since - start), 0.0),
            .silent_ms = in_milliseconds(s.seen.silent_for),
            .after_messages = s.answered + 1,
            .clients = s.seen.clients,
            .timed_out_clients = s.seen.clients - std::min(s.seen.pongs, s.seen.clients),
            .handshake = std::string{to_string(s.seen.handshake)},
            .ended = s.ended.has_value()};
}

void copy_config(report& r, const load_options& o) {
    r.url = o.url;
    r.clients = o.clients;
    r.senders = o.senders;
    r.slow_readers = o.slow_readers;
    r.window = o.window;
    r.rate = o.rate;
    r.duration_ms = in_milliseconds(o.duration);
    r.warmup_ms = in_milliseconds(o.warmup);
    r.timeout_ms = in_milliseconds(o.timeout);
    r.message_bytes = o.message_bytes;
    r.expected_outcome = o.expected;
}

} // namespace

load_run::load_run(asio::io_context& loop, const load_options& options, server_address server,
                   progress_line progress)
    : options_{options}
    , server_{std::move(server)}
    , progress_{std::move(progress)}
    , book_{options.clients, options.senders}
    , sockets_{loop}
    , shared_(read_buffer_bytes)
    , context_{.loop = loop,
               .sockets = sockets_,
               .book = book_,
               .errors = errors_,
               .shared = shared_,
               .run = new_run_id()}
    , crowd_{context_, options_, server_}
    , talk_{context_, crowd_.clients(), options_}
    , timeline_{loop, book_, sample_interval(options)}
    , cut_short_{loop}
    , watchdog_{context_, crowd_.clients(), server_, options_, cut_short_} {}

task<> load_run::conduct() {
    failure_ = co_await crowd_.join(progress_);
    if (!failure_) {
        joined_ = true;
        co_await talk_for_the_time();
        co_await wait_for_the_rest();
        watchdog_.stop();
        timeline_.stop();
        book_.give_up(clock::now());
    }
    if (!failure_ && !interrupted_ && !watchdog_.is_silent())
        co_await crowd_.leave();
    crowd_.drop();
    sockets_.close();
    ended_ = true;
}

void load_run::interrupt() {
    interrupted_ = true;
    if (!joined_)
        crowd_.give_up();
    cut_short_.ring();
}

task<> load_run::talk_for_the_time() {
    start_ = clock::now();
    measured_from_ = start_ + options_.warmup;
    stop_ = measured_from_ + options_.duration;
    book_.measure_from(measured_from_);
    spawn(context_.loop, watchdog_.watch());
    spawn(context_.loop, timeline_.keep(start_));
    talk_.begin(start_, stop_);
    co_await talk_until(measured_from_);
    at_measured_ = book_.totals();
    co_await talk_until(stop_);
    at_stop_ = book_.totals();
    stop_ = std::min(stop_, clock::now());
    talk_.fall_silent();
}

task<> load_run::talk_until(time_point end) {
    // Without a sender nothing more will happen, so the run ends early.
    while (!is_hopeless() && !watchdog_.has_no_sender() && clock::now() < end)
        co_await cut_short_.wait_until(end);
}

task<> load_run::wait_for_the_rest() {
    // As long as messages arrive, wait for all of them, however late, up to this limit.
    const auto limit = clock::now() + options_.duration + 5 * options_.timeout;
    while (book_.is_awaiting() && !watchdog_.is_silent() && clock::now() < limit) {
        const auto pause = clock::now() + std::chrono::milliseconds{2};
        if (!co_await wait_until(std::min(limit, pause)))
            break;
    }
}

/// True if continuing is pointless.
bool load_run::is_hopeless() const {
    return interrupted_ || watchdog_.outcome() == verdict::frozen ||
           watchdog_.outcome() == verdict::gone;
}

/// Waits until `limit`. Returns false if the run became hopeless.
task<bool> load_run::wait_until(time_point limit) {
    while (!is_hopeless() && clock::now() < limit)
        co_await cut_short_.wait_until(limit);
    co_return !is_hopeless();
}

void load_run::check_limit(report& r, std::string_view name, double quantile,
                           std::optional<nanoseconds> allowed) const {
    if (!allowed)
        return;
    const auto measured = book_.latency().quantile(quantile);
    if (book_.latency().count() == 0)
        r.missed_limits.push_back(
            fmt::format("{}: nothing was measured, limit {}", name, format_duration(*allowed)));
    else if (measured > *allowed)
        r.missed_limits.push_back(fmt::format(
            "{} was {}, limit {}", name, format_duration(measured), format_duration(*allowed)));
}

report load_run::make_report() const {
    const auto& totals = book_.totals();
    report r;
    copy_config(r, options_);
    r.interrupted = interrupted_;
    r.outcome = watchdog_.outcome();
    if (const auto& silence = watchdog_.longest())
        (silence->outcome == verdict::frozen ? r.froze : r.starved) = describe(*silence, start_);
    r.mutex = context_.mutex;
    r.guard = context_.guard;
    r.sent = totals.sent;
    r.unsent = talk_.unsent();
    r.expected = totals.expected;
    r.delivered = totals.delivered;
    const auto missing = totals.expected - totals.delivered;
    r.lost = std::min(book_.lost(), missing);
    r.not_awaited = missing - r.lost;
    r.duplicated = totals.duplicated;
    r.reordered = totals.reordered;
    r.slow_readers_closed = crowd_.slow_readers_closed();
    r.measured_ms = std::max(in_milliseconds(stop_ - measured_from_), 0.0);
    if (r.measured_ms > 0)
        r.deliveries_per_s =
            static_cast<double>(at_stop_.delivered - at_measured_.delivered) / r.measured_ms * 1e3;
    r.latency_us = summarise(book_.latency());
    r.latency_from_send_us = summarise(book_.latency_from_send());
    r.timeline = timeline_.points();
    r.errors = errors_;
    if (totals.invented > 0)
        r.errors["messages of this run that nobody sent"] = totals.invented;
    for (const auto& [reason, clients] : context_.closed_by_server)
        r.closed_by_server.push_back(
            {.clients = clients, .code = reason.code, .reason = reason.reason});
    r.connections_ended = context_.connections_ended;
    check_limit(r, "p50", 0.5, options_.max_p50);
    check_limit(r, "p99", 0.99, options_.max_p99);
    check_limit(r, "p999", 0.999, options_.max_p999);
    const auto flaws = r.lost + r.duplicated + r.reordered + totals.invented + r.connections_ended;
    r.exit_code = exit_code_of({.outcome = watchdog_.outcome(),
                                .interrupted = interrupted_,
                                .flawless = flaws == 0,
                                .within_limits = r.missed_limits.empty()},
                               options_.expected);
    return r;
}

} // namespace chat::load
