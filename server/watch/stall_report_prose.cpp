#include "server/watch/stall_report.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cctype>
#include <string_view>

namespace chat {

namespace {

constexpr std::size_t width = 98;
constexpr std::size_t column = 46;
constexpr std::size_t most_waiters = 5;
constexpr std::size_t most_calls = 9;

struct palette {
    std::string_view title, strong, faint, plain;
};

constexpr palette in_colour{"\033[1;37;41m", "\033[1m", "\033[2m", "\033[0m"};
constexpr palette no_colour{"", "", "", ""};

/// Counts characters, not bytes, because names may be in any script.
std::size_t length(std::string_view text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char byte) { return (byte & 0xC0) != 0x80; }));
}

std::string padded(std::string_view text, std::size_t to) {
    return std::string{text} + std::string(to - std::min(to, length(text)), ' ');
}

std::vector<std::string> wrapped(std::string_view text, std::size_t to) {
    std::vector<std::string> lines(1);
    while (!text.empty()) {
        const auto word = text.substr(0, text.find(' '));
        text.remove_prefix(std::min(text.size(), word.size() + 1));
        if (!lines.back().empty() && length(lines.back()) + 1 + length(word) > to)
            lines.emplace_back();
        if (!lines.back().empty())
            lines.back() += ' ';
        lines.back() += word;
    }
    return lines;
}

std::string_view headline(const stall_report& report) {
    switch (report.verdict) {
    case verdict::deadlock:
        return "the loop's thread waits for itself, and always will";
    case verdict::blocked:
        return "a handler has put the loop's thread to sleep";
    case verdict::spinning:
        return "a handler computes and does not return to the loop";
    case verdict::congested:
        return "the loop moves, but too slowly for what it has to do";
    case verdict::starved:
        return "the loop turns, but the chat lock does not change hands";
    case verdict::alive:
        break;
    }
    return "all is well";
}

/// What happened, in order: the holder on the left, the waiters on the right.
class two_columns {
public:
    explicit two_columns(const palette& style)
        : style_{style} {}

    void left(std::string_view text) {
        for (const auto& line : wrapped(text, column - 2))
            rows_ += fmt::format("  {} {}│{}\n", padded(line, column), style_.faint, style_.plain);
    }

    void right(std::string_view text) {
        for (const auto& line : wrapped(text, column))
            rows_ += fmt::format("  {} {}│{} {}\n", padded("", column), style_.faint, style_.plain,
                                 line);
    }

    void heads(std::string_view holder, std::string_view waiter) {
        rows_ += fmt::format("  {}{}{} {}│{} {}{}{}\n", style_.strong, padded(holder, column),
                             style_.plain, style_.faint, style_.plain, style_.strong, waiter,
                             style_.plain);
        std::string line;
        for (std::size_t at = 0; at < width - 2; ++at)
            line += at == column + 1 ? "┼" : "─";
        rows_ += fmt::format("  {}{}{}\n", style_.faint, line, style_.plain);
    }

    [[nodiscard]] const std::string& text() const { return rows_; }

private:
    const palette& style_;
    std::string rows_;
};

std::string parties(const stall_report& report, const palette& style) {
    const auto& holder = *report.held_by;
    const bool deadlock = report.verdict == verdict::deadlock;
    two_columns table{style};
    table.heads("HOLDS the lock: " + holder.label(), "WAITS for it");
    table.left("takes it in " + holder.at);
    if (!holder.suspended_at.empty()) {
        table.left("sleeps in   " + holder.suspended_at);
        table.left("awaiting    " + holder.awaiting);
    }
    table.left(fmt::format("has held it for {} ms", holder.since.count()));
    const auto shown = std::min(report.waiters.size(), most_waiters);
    for (std::size_t at = 0; at < shown; ++at) {
        const auto& each = report.waiters[at];
        table.right(each.label());
        table.right(fmt::format("asks in {} ({} ms ago)", each.at, each.since.count()));
    }
    if (report.waiting > shown)
        table.right(fmt::format("and {} more", report.waiting - shown));
    if (deadlock) {
        table.right("and so stops the loop's only thread");
        table.left("needs that thread to wake up and release it");
    }
    return table.text();
}

std::string paragraph(std::string_view head, std::string_view text, const palette& style) {
    constexpr std::size_t indent = 8;
    std::string all;
    for (const auto& line : wrapped(text, width - indent)) {
        all += fmt::format("  {}{}{}{}\n", style.strong,
                           padded(all.empty() ? head : "", indent - 2), style.plain, line);
    }
    return all;
}

std::string_view meaning(char state) {
    switch (state) {
    case 'R':
        return "runs";
    case 'S':
        return "sleeps";
    case 'D':
        return "sleeps in the kernel";
    default:
        return "is in an unusual state";
    }
}

std::string stack_of(const stall_report::thread& loop, const palette& style) {
    auto text =
        fmt::format("  {}Where{} the loop's thread is (thread {}, it {}), the last call first:\n",
                    style.strong, style.plain, loop.id, meaning(loop.state));
    const auto& calls = loop.stack.value();
    const auto shown = std::min(calls.size(), most_calls);
    for (std::size_t at = 0; at < shown; ++at)
        text += fmt::format("        {}\n", calls[at]);
    if (calls.size() > shown)
        text += fmt::format("        and {} more\n", calls.size() - shown);
    return text;
}

} // namespace

std::string to_prose(const stall_report& report, bool colour) {
    const auto& style = colour ? in_colour : no_colour;
    std::string name{to_string(report.verdict)};
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    auto text = fmt::format("\n  {} {} {} {} ({} ms so far)\n\n", style.title, name, style.plain,
                            headline(report), report.stalled.count());
    const bool about_the_lock =
        report.verdict == verdict::deadlock || report.verdict == verdict::starved;
    if (about_the_lock && report.held_by)
        text += parties(report, style) + '\n';
    text += paragraph("Why", report.explanation, style);
    text += paragraph("Fix", report.fix, style);
    if (report.verdict != verdict::starved)
        text += '\n' + stack_of(report.loop, style);
    return text + '\n';
}

} // namespace chat
