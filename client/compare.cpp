#include "client/compare.hpp"

#include "client/summary.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <vector>

namespace chat::load {

namespace {

struct row {
    std::string label;
    std::string left;
    std::string right;
};

std::string ms(double value) {
    return format_duration(nanoseconds{static_cast<std::int64_t>(value * 1e6)});
}

std::string us(const report& run, double latency_summary::* value) {
    return run.latency_us.count == 0 ? "-" : ms(run.latency_us.*value / 1e3);
}

std::string after(const report& run) {
    return run.froze ? fmt::format("message {}", grouped(run.froze->after_messages)) : "-";
}

std::string starved_for(const report& run) {
    return run.starved ? ms(run.starved->silent_ms) : "-";
}

std::vector<row> rows_of(const report& l, const report& r) {
    const auto count = [&](const char* label, std::uint64_t report::* value) {
        return row{label, grouped(l.*value), grouped(r.*value)};
    };
    const auto latency = [&](const char* label, double latency_summary::* value) {
        return row{label, us(l, value), us(r, value)};
    };
    const auto rate = [](const report& run) {
        return grouped(static_cast<std::uint64_t>(run.deliveries_per_s));
    };
    return {{"mutex", l.mutex, r.mutex},
            {"guard", l.guard, r.guard},
            {"clients", grouped(l.clients), grouped(r.clients)},
            {"froze at", after(l), after(r)},
            {"starved for", starved_for(l), starved_for(r)},
            count("messages sent", &report::sent),
            count("deliveries expected", &report::expected),
            count("delivered", &report::delivered),
            count("lost", &report::lost),
            count("doubled", &report::duplicated),
            count("out of order", &report::reordered),
            {"deliveries a second", rate(l), rate(r)},
            latency("latency p50", &latency_summary::p50),
            latency("latency p99", &latency_summary::p99),
            latency("latency p99.9", &latency_summary::p999),
            latency("latency max", &latency_summary::max)};
}

std::string in_capitals(std::string text) {
    std::ranges::transform(text, text.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    });
    return text;
}

std::string_view colour_of(const report& run) {
    return run.outcome == "alive"     ? "\x1b[1;32m"
           : run.outcome == "starved" ? "\x1b[1;33m"
                                      : "\x1b[1;31m";
}

} // namespace

report read_report_file(const std::string& path) {
    std::ifstream file{path};
    if (!file)
        throw std::runtime_error{fmt::format("cannot read '{}'", path)};
    std::ostringstream text;
    text << file.rdbuf();
    try {
        return report_from_json(text.str());
    } catch (const std::exception& error) {
        throw std::runtime_error{fmt::format("'{}' is {}", path, error.what())};
    }
}

std::string compare(const report& left, const report& right, bool colours) {
    std::string text;
    auto out = std::back_inserter(text);
    const auto line = [&](const row& r, std::string_view paint_left, std::string_view paint_right) {
        const auto* reset = colours ? "\x1b[0m" : "";
        fmt::format_to(out, "  {:<20}  {}{:>14}{}  {}{:>14}{}\n", r.label,
                       colours ? paint_left : "", r.left, reset, colours ? paint_right : "",
                       r.right, reset);
    };
    fmt::format_to(out, "\n");
    line({"", in_capitals(left.outcome), in_capitals(right.outcome)}, colour_of(left),
         colour_of(right));
    fmt::format_to(out, "  {:─<52}\n", "");
    for (const auto& r : rows_of(left, right))
        line(r, "", "");
    return text + "\n";
}

} // namespace chat::load
