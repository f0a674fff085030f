// The load client's clock, which is monotonic, and durations as people read them.
#pragma once

#include <chrono>
#include <string>

namespace chat::load {

using clock = std::chrono::steady_clock;
using time_point = clock::time_point;
using std::chrono::nanoseconds;

/// Formats in the unit that fits: `850 ns`, `12.3 µs`, `4.6 ms`, `1.0 s`.
std::string format_duration(nanoseconds span);

inline double in_seconds(nanoseconds span) {
    return std::chrono::duration<double>{span}.count();
}

inline double in_milliseconds(nanoseconds span) {
    return std::chrono::duration<double, std::milli>{span}.count();
}

} // namespace chat::load
