#include "client/facts.hpp"

#include <spdlog/fmt/fmt.h>

namespace chat::load {

namespace {

std::string milliseconds(double ms) {
    return format_duration(nanoseconds{static_cast<nanoseconds::rep>(ms * 1e6)});
}

std::string or_dash(const std::string& text) {
    return text.empty() ? "-" : text;
}

std::string froze_at(const report& run) {
    return run.froze ? fmt::format("message {}", grouped(run.froze->after_messages)) : "-";
}

std::string starved_for(const report& run) {
    return run.starved ? milliseconds(run.starved->silent_ms) : "-";
}

std::string loop(const report& run) {
    if (run.rate > 0)
        return fmt::format("open, {}/s", run.rate);
    return run.window > 1 ? fmt::format("closed, window {}", run.window) : "closed";
}

} // namespace

std::string outcome_in_words(const report& run) {
    return run.interrupted && run.outcome == "alive" ? "interrupted" : run.outcome;
}

std::string grouped(std::uint64_t number) {
    auto text = std::to_string(number);
    for (auto i = static_cast<std::ptrdiff_t>(text.size()) - 3; i > 0; i -= 3)
        text.insert(static_cast<std::size_t>(i), 1, ',');
    return text;
}

std::vector<fact> facts(const report& run) {
    // Nothing delivered: the only latencies are those of waiting in vain.
    const auto us = [&](double value) {
        return run.delivered == 0 ? "-" : milliseconds(value / 1e3);
    };
    std::vector<fact> all{
        {"mutex", or_dash(run.mutex)},
        {"guard", or_dash(run.guard)},
        {"clients", grouped(run.clients)},
        {"senders", grouped(run.senders)},
        {"slow readers", grouped(run.slow_readers)},
        {"loop", loop(run)},
        {"bytes a message", grouped(run.message_bytes)},
        {"planned duration", milliseconds(run.duration_ms)},
        {"froze at", froze_at(run)},
        {"starved for", starved_for(run)},
        {"messages sent", grouped(run.sent)},
        {"deliveries expected", grouped(run.expected)},
        {"delivered", grouped(run.delivered)},
        {"lost", run.interrupted ? "-" : grouped(run.lost)},
        {"doubled", grouped(run.duplicated)},
        {"out of order", grouped(run.reordered)},
        {"deliveries a second", grouped(static_cast<std::uint64_t>(run.deliveries_per_s))},
        {"latency p50", us(run.latency_us.p50)},
        {"latency p90", us(run.latency_us.p90)},
        {"latency p99", us(run.latency_us.p99)},
        {"latency p99.9", us(run.latency_us.p999)},
        {"latency max", us(run.latency_us.max)}};
    if (!run.name.empty())
        all.insert(all.begin(), {"report", run.name});
    return all;
}

} // namespace chat::load
