#include "client/time.hpp"

#include <spdlog/fmt/fmt.h>

#include <charconv>

namespace chat::load {

namespace {

std::optional<double> nanoseconds_per(std::string_view unit) {
    if (unit == "ms")
        return 1e6;
    if (unit == "s")
        return 1e9;
    if (unit == "m")
        return 60e9;
    return {};
}

} // namespace

std::optional<nanoseconds> parse_duration(std::string_view text) {
    constexpr double longest = 24 * 3600e9;
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const auto unit = nanoseconds_per(text.substr(static_cast<std::size_t>(end - text.data())));
    if (error != std::errc{} || !unit || !(number >= 0) || number * *unit > longest)
        return {};
    return nanoseconds{static_cast<nanoseconds::rep>(number * *unit)};
}

std::string format_duration(nanoseconds span) {
    const auto ns = static_cast<double>(span.count());
    if (ns < 1e3)
        return fmt::format("{:.0f} ns", ns);
    if (ns < 1e6)
        return fmt::format("{:.1f} µs", ns / 1e3);
    if (ns < 1e9)
        return fmt::format("{:.1f} ms", ns / 1e6);
    return fmt::format("{:.1f} s", ns / 1e9);
}

} // namespace chat::load
