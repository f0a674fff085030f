// Durations on both command lines: `250ms`, `5s`, `2m`.
#pragma once

#include <charconv>
#include <chrono>
#include <cmath>
#include <optional>
#include <string_view>

namespace chat {

/// Reads a number with its unit, at most a day. Rounds to a nanosecond, so 2.3s is 2300 whole milliseconds.
/// Returns nothing if the text is not a duration.
inline std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
    constexpr double longest = 24 * 3600e9;
    double number = 0;
    const auto* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, number);
    const std::string_view unit{end, static_cast<std::size_t>(last - end)};
    const auto ns = unit == "ms"  ? number * 1e6
                    : unit == "s" ? number * 1e9
                    : unit == "m" ? number * 60e9
                                  : -1.0;
    if (error != std::errc{} || !(ns >= 0 && ns <= longest)) // "nan" fails here as well
        return {};
    return std::chrono::nanoseconds{std::llround(ns)};
}

} // namespace chat
