#include "client/report/summary.hpp"

#include "client/connection/connection.hpp"
#include "client/foreign_text.hpp"
#include "client/report/facts.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <iterator>
#include <string_view>

namespace chat::load {

namespace {

std::string microseconds(double us) {
    return milliseconds(us / 1e3);
}

std::string counted(std::uint64_t number, std::string_view thing) {
    return fmt::format("{} {}{}", grouped(number), thing, number == 1 ? "" : "s");
}

bool is_flawed(const report& run) {
    return run.lost + run.duplicated + run.reordered + run.connections_ended > 0;
}

std::string_view colour_of(const report& run) {
    constexpr std::string_view red = "\x1b[1;31m", yellow = "\x1b[1;33m", green = "\x1b[1;32m";
    if (run.outcome == verdict::frozen || run.outcome == verdict::gone)
        return red;
    return run.outcome == verdict::starved || run.interrupted || is_flawed(run) ||
                   run.not_awaited > 0
               ? yellow
               : green;
}

std::string sentence_on_handshake(const std::string& handshake) {
    if (handshake == "welcomed")
        return "a new client was welcomed, perhaps by another server";
    if (handshake == "completed")
        return "a new handshake completed";
    if (handshake == "elsewhere")
        return "a new handshake completed, but with a different server";
    if (handshake == "rejected")
        return "a new handshake was refused, perhaps by a proxy";
    return handshake == "timed_out" ? "a new handshake did not complete"
                                    : fmt::format("a new handshake failed ({})", handshake);
}

std::vector<std::string> evidence_of(const silence_report& s) {
    const auto answered = s.clients - std::min(s.clients, s.timed_out_clients);
    return {fmt::format("{} of {} received nothing for {} while messages were in flight",
                        grouped(s.clients), counted(s.clients, "client"),
                        milliseconds(s.silent_ms)),
            fmt::format("{} of {} answered", grouped(answered), counted(s.clients, "ping")),
            sentence_on_handshake(s.handshake)};
}

/// Draws deliveries over time. A character may cover one more point than its neighbour, so its height is
/// the mean of its points: a sum would draw a wave that does not exist.
std::string sparkline(const std::vector<timeline_point>& timeline) {
    constexpr std::array<std::string_view, 9> bars{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    constexpr std::size_t width = 60;
    const auto points = std::min(width, timeline.size());
    std::vector<double> sums(points);
    std::vector<double> counts(points);
    for (std::size_t i = 0; i < timeline.size(); ++i) {
        const auto at = i * points / timeline.size();
        sums[at] += static_cast<double>(timeline[i].delivered);
        ++counts[at];
    }
    std::ranges::transform(sums, counts, sums.begin(), std::divides{});
    const auto most = sums.empty() ? 0.0 : *std::ranges::max_element(sums);
    std::string line;
    for (const auto mean : sums)
        line += bars[most == 0 ? 0 : static_cast<std::size_t>(std::ceil(mean * 8 / most))];
    return line;
}

std::string describe_server(const report& run) {
    if (run.mutex.empty())
        return run.url;
    return fmt::format("{}  mutex={} guard={}", run.url, run.mutex, run.guard);
}

std::string describe_load(const report& run) {
    auto text =
        fmt::format("{}, {}", counted(run.clients, "client"), counted(run.senders, "sender"));
    if (run.slow_readers > 0)
        text += ", " + counted(run.slow_readers, "slow reader");
    text +=
        run.rate > 0 ? fmt::format(", {} messages per second planned", run.rate) : ", closed loop";
    return text +
           fmt::format(", {}-byte messages, {}", run.message_bytes, milliseconds(run.duration_ms));
}

std::string describe_latency(const latency_summary& l) {
    return fmt::format("p50 {}  p90 {}  p99 {}  p99.9 {}  max {}", microseconds(l.p50),
                       microseconds(l.p90), microseconds(l.p99), microseconds(l.p999),
                       microseconds(l.max));
}

std::string describe_deliveries(const report& run) {
    const bool shows_pending = run.not_awaited > 0 || run.interrupted;
    auto text = fmt::format("{} of {} (", grouped(run.delivered), grouped(run.expected));
    if (shows_pending)
        text += fmt::format("{} pending, ", grouped(run.not_awaited));
    if (run.lost > 0 || !shows_pending)
        text += fmt::format("{} lost, ", grouped(run.lost));
    text += fmt::format("{} duplicated, {} out of order)", grouped(run.duplicated),
                        grouped(run.reordered));
    return run.deliveries_per_s
               ? text + fmt::format(", {} per second", grouped(*run.deliveries_per_s))
               : text;
}

std::string describe_close(const report& run, const closed_clients& closed) {
    return fmt::format("{} of {} {}", grouped(closed.clients), counted(run.clients, "client"),
                       to_string(close_reason{.code = closed.code, .reason = closed.reason}));
}

/// True if the error is a close by the server. describe_close() covers it, so the list of errors skips it.
bool is_close(const report& run, std::string_view kind) {
    return std::ranges::any_of(run.closed_by_server, [&](const closed_clients& closed) {
        return kind == "connection: " +
                           to_string(close_reason{.code = closed.code, .reason = closed.reason});
    });
}

std::string closing_line(const report& run) {
    if (run.exit_code == as_expected)
        return run.outcome == verdict::alive
                   ? ""
                   : fmt::format("As expected: {}.", to_string(run.outcome));
    if (run.interrupted)
        return "Interrupted: the report covers the run so far (exit 1).";
    if (run.exit_code == missed_limits || run.outcome == verdict::gone)
        return fmt::format("Exit {}.", run.exit_code);
    return fmt::format("Expected: {} (exit {}).", to_string(run.expected_outcome), run.exit_code);
}

} // namespace

std::string headline(const report& run) {
    if (run.froze)
        return run.froze->after_messages == 1
                   ? "FROZEN on the first message"
                   : "FROZEN on message " + grouped(run.froze->after_messages);
    if (run.outcome == verdict::gone)
        return run.closed_by_server.empty() ? "GONE: all connections broke"
                                            : "GONE: the server closed all connections";
    if (run.starved)
        return fmt::format("STARVED for {}{}", milliseconds(run.starved->silent_ms),
                           run.starved->ended ? ", then messages arrived again" : "");
    if (run.sent == 0)
        return "ALIVE, but nothing was sent";
    const bool in_order = run.lost + run.duplicated + run.reordered == 0;
    if (run.interrupted && in_order)
        return fmt::format("INTERRUPTED after {}", counted(run.sent, "message"));
    if (!in_order)
        return fmt::format("ALIVE, but {} deliveries lost, {} duplicated, {} out of order",
                           grouped(run.lost), grouped(run.duplicated), grouped(run.reordered));
    if (run.connections_ended > 0)
        return fmt::format("ALIVE, but {} of {} did not stay connected",
                           grouped(run.connections_ended), counted(run.clients, "client"));
    if (run.not_awaited > 0)
        return fmt::format("ALIVE, but {} deliveries had not arrived by the end",
                           grouped(run.not_awaited));
    return fmt::format("ALIVE: {} reached all {}", counted(run.sent, "message"),
                       counted(run.clients, "client"));
}

std::vector<std::string> evidence_lines(const report& run) {
    std::vector<std::string> lines;
    if (const auto& silence = run.froze ? run.froze : run.starved)
        lines = evidence_of(*silence);
    for (const auto& closed : run.closed_by_server)
        lines.push_back(describe_close(run, closed));
    for (const auto& [kind, count] : run.errors)
        if (!is_close(run, kind))
            lines.push_back(fmt::format("{}: {}", kind, grouped(count)));
    for (const auto& missed : run.missed_limits)
        lines.push_back(missed);
    return lines;
}

std::string summary(const report& run, bool colours) {
    std::string text;
    auto out = std::back_inserter(text);
    const auto row = [&](std::string_view label, const std::string& value) {
        fmt::format_to(out, "  {:<11}{}\n", label, visible(value));
    };
    fmt::format_to(out, "\n  {}{}{}\n", colours ? colour_of(run) : "", visible(headline(run)),
                   colours ? "\x1b[0m" : "");
    for (const auto& line : evidence_lines(run))
        fmt::format_to(out, "    {}\n", visible(line));
    text += '\n';
    row("server", describe_server(run));
    row("load", describe_load(run));
    row("sent", counted(run.sent, "message") +
                    (run.unsent > 0 ? fmt::format(", {} more were due", grouped(run.unsent)) : ""));
    row("delivered", describe_deliveries(run));
    if (run.slow_readers > 0)
        row("slow", fmt::format("{} of {} closed by the server", run.slow_readers_closed,
                                counted(run.slow_readers, "slow reader")));
    if (run.latency_us.count == 0 && run.delivered > 0)
        row("latency", "nothing was measured");
    else if (run.delivered > 0)
        row("latency", describe_latency(run.latency_us));
    row("over time", fmt::format("[{}]", sparkline(run.timeline)));
    if (const auto last = closing_line(run); !last.empty())
        fmt::format_to(out, "\n  {}\n", visible(last));
    return text + "\n";
}

} // namespace chat::load
