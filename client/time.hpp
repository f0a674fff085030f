// The load client's clock, which is monotonic, and durations written as `250ms`, `5s`, `2m`.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace chat::load {

using clock = std::chrono::steady_clock;
using time_point = clock::time_point;
using std::chrono::nanoseconds;

/// Parses `250ms`, `1.5s`, `2m`. Returns nothing if the text is not a duration, is negative, or is longer
/// than a day.
std::optional<nanoseconds> parse_duration(std::string_view text);

/// Formats in the unit that fits: `850 ns`, `12.3 µs`, `4.6 ms`, `1.0 s`.
std::string format_duration(nanoseconds span);

inline double in_seconds(nanoseconds span) {
    return std::chrono::duration<double>{span}.count();
}

inline double in_milliseconds(nanoseconds span) {
    return std::chrono::duration<double, std::milli>{span}.count();
}

} // namespace chat::load
