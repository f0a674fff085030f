#include "client/summary.hpp"

#include "client/facts.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <string_view>

#include <unistd.h>

namespace chat::load {

namespace {

std::string milliseconds(double ms) {
    return format_duration(nanoseconds{static_cast<std::int64_t>(ms * 1e6)});
}

std::string microseconds(double us) {
    return milliseconds(us / 1e3);
}

std::string counted(std::uint64_t number, std::string_view thing) {
    return fmt::format("{} {}{}", grouped(number), thing, number == 1 ? "" : "s");
}

std::string_view colour_of(const report& run) {
    constexpr std::string_view red = "\x1b[1;31m", yellow = "\x1b[1;33m", green = "\x1b[1;32m";
    if (run.outcome == "frozen" || run.outcome == "gone")
        return red;
    const bool flawed = run.lost + run.duplicated + run.reordered > 0;
    return run.outcome == "starved" || run.interrupted || flawed ? yellow : green;
}

std::string sentence_on_handshake(const std::string& handshake) {
    if (handshake == "completed")
        return "a new handshake completed";
    if (handshake == "rejected")
        return "a new handshake was answered, with a refusal";
    return handshake == "timed_out" ? "a new handshake did not complete"
                                    : fmt::format("a new handshake failed ({})", handshake);
}

std::vector<std::string> evidence_of(const silence_report& s) {
    const auto answered = s.clients - s.timed_out_clients;
    return {fmt::format("{} of {} heard nothing for {}, though messages were in flight",
                        grouped(s.clients), counted(s.clients, "client"),
                        milliseconds(s.silent_ms)),
            fmt::format("{} of {} answered", grouped(answered), counted(s.clients, "ping")),
            sentence_on_handshake(s.handshake)};
}

/// Deliveries over time. A character may stand for one point more than its neighbour, so its height
/// is their mean: a sum would draw a wave that is not there.
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
        run.rate > 0 ? fmt::format(", {} messages a second planned", run.rate) : ", closed loop";
    return text + fmt::format(", {} bytes a message, {}", run.message_bytes,
                              milliseconds(run.duration_ms));
}

std::string describe_latency(const latency_summary& l) {
    return fmt::format("p50 {}  p90 {}  p99 {}  p99.9 {}  max {}", microseconds(l.p50),
                       microseconds(l.p90), microseconds(l.p99), microseconds(l.p999),
                       microseconds(l.max));
}

std::string describe_deliveries(const report& run) {
    return fmt::format(
        "{} of {} ({} {}, {} doubled, {} out of order), {} a second", grouped(run.delivered),
        grouped(run.expected), grouped(run.interrupted ? run.not_awaited : run.lost),
        run.interrupted ? "not awaited" : "lost", grouped(run.duplicated), grouped(run.reordered),
        grouped(static_cast<std::uint64_t>(run.deliveries_per_s)));
}

std::string closing_line(const report& run) {
    if (run.exit_code == as_expected)
        return run.outcome == "alive" ? "" : fmt::format("As expected: {}.", run.outcome);
    if (run.interrupted)
        return "Interrupted: this is the report so far (exit 1).";
    if (run.exit_code == missed_limits || run.outcome == "gone")
        return fmt::format("Exit {}.", run.exit_code);
    return fmt::format("Expected was {} (exit {}).", run.expected_outcome, run.exit_code);
}

} // namespace

bool colours_wanted() {
    const char* const unwanted =
        std::getenv("NO_COLOR"); // no-color.org: any value but an empty one
    return ::isatty(STDOUT_FILENO) == 1 && (unwanted == nullptr || *unwanted == '\0');
}

std::string headline(const report& run) {
    if (run.froze)
        return run.froze->after_messages == 1
                   ? "FROZEN on the first message"
                   : "FROZEN on message " + grouped(run.froze->after_messages);
    if (run.outcome == "gone")
        return "GONE: the server closed all connections";
    if (run.starved)
        return fmt::format("STARVED for {}{}", milliseconds(run.starved->silent_ms),
                           run.starved->ended ? ", then messages came again" : "");
    if (run.sent == 0)
        return "ALIVE, but nothing was sent";
    if (run.interrupted && run.duplicated + run.reordered == 0)
        return fmt::format("INTERRUPTED after {}", counted(run.sent, "message"));
    if (run.lost + run.duplicated + run.reordered == 0)
        return fmt::format("ALIVE: {} reached all {}", counted(run.sent, "message"),
                           counted(run.clients, "client"));
    return fmt::format("ALIVE, but {} deliveries lost, {} doubled, {} out of order",
                       grouped(run.lost), grouped(run.duplicated), grouped(run.reordered));
}

std::vector<std::string> evidence_lines(const report& run) {
    std::vector<std::string> lines;
    if (const auto& silence = run.froze ? run.froze : run.starved)
        lines = evidence_of(*silence);
    for (const auto& [kind, count] : run.errors)
        lines.push_back(fmt::format("{}: {}", kind, grouped(count)));
    for (const auto& missed : run.missed_limits)
        lines.push_back(missed);
    return lines;
}

std::string summary(const report& run, bool colours) {
    std::string text;
    auto out = std::back_inserter(text);
    fmt::format_to(out, "\n  {}{}{}\n", colours ? colour_of(run) : "", headline(run),
                   colours ? "\x1b[0m" : "");
    for (const auto& line : evidence_lines(run))
        fmt::format_to(out, "    {}\n", line);
    fmt::format_to(out, "\n  server     {}\n  load       {}\n", describe_server(run),
                   describe_load(run));
    fmt::format_to(out, "  sent       {}{}\n", counted(run.sent, "message"),
                   run.unsent > 0 ? fmt::format(", {} more were due", grouped(run.unsent)) : "");
    fmt::format_to(out, "  delivered  {}\n", describe_deliveries(run));
    if (run.slow_readers > 0)
        fmt::format_to(out, "  slow       {} of {} closed by the server\n", run.slow_readers_closed,
                       counted(run.slow_readers, "slow reader"));
    if (run.delivered > 0)
        fmt::format_to(out, "  latency    {}\n", describe_latency(run.latency_us));
    fmt::format_to(out, "  over time  [{}]\n", sparkline(run.timeline));
    if (const auto last = closing_line(run); !last.empty())
        fmt::format_to(out, "\n  {}\n", last);
    return text + "\n";
}

} // namespace chat::load
