#include "client/time.hpp"

#include <spdlog/fmt/fmt.h>

namespace chat::load {

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
