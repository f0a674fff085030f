#include "client/report/facts.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

namespace chat::load {

namespace {

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

bool was_interrupted(const report& run) {
    return run.interrupted && run.outcome == verdict::alive;
}

std::string outcome_in_words(const report& run) {
    return std::string{was_interrupted(run) ? "interrupted" : to_string(run.outcome)};
}

std::string grouped(std::uint64_t number) {
    auto text = std::to_string(number);
    for (auto i = static_cast<std::ptrdiff_t>(text.size()) - 3; i > 0; i -= 3)
        text.insert(static_cast<std::size_t>(i), 1, ',');
    return text;
}

std::string grouped(double number) {
    constexpr double most = 1e18;
    return grouped(static_cast<std::uint64_t>(std::clamp(number, 0.0, most)));
}

std::string milliseconds(double ms) {
    constexpr double most = 3e12;
    return format_duration(
        nanoseconds{static_cast<nanoseconds::rep>(std::clamp(ms, -most, most) * 1e6)});
}

std::vector<fact> facts(const report& run) {
    // Without deliveries the histogram contains only the waiting times of undelivered messages.
    const bool measured = run.delivered > 0 && run.latency_us.count > 0;
    const auto us = [&](double value) { return measured ? milliseconds(value / 1e3) : "-"; };
    std::vector<fact> all{
        {"mutex", or_dash(run.mutex)},
        {"guard", or_dash(run.guard)},
        {"clients", grouped(std::uint64_t{run.clients})},
        {"senders", grouped(std::uint64_t{run.senders})},
        {"slow readers", grouped(std::uint64_t{run.slow_readers})},
        {"loop", loop(run)},
        {"bytes per message", grouped(std::uint64_t{run.message_bytes})},
        {"planned duration", milliseconds(run.duration_ms)},
        {"froze at", froze_at(run)},
        {"starved for", starved_for(run)},
        {"messages sent", grouped(run.sent)},
        {"deliveries expected", grouped(run.expected)},
        {"delivered", grouped(run.delivered)},
        {"lost", run.interrupted && run.lost == 0 ? "-" : grouped(run.lost)},
        {"pending", grouped(run.not_awaited)},
        {"duplicated", grouped(run.duplicated)},
        {"out of order", grouped(run.reordered)},
        {"connections ended", grouped(run.connections_ended)},
        {"deliveries/s", run.deliveries_per_s ? grouped(*run.deliveries_per_s) : "-"},
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
