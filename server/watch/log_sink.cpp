#include "server/watch/log_sink.hpp"

#include "server/watch/alarm.hpp"

#include <spdlog/fmt/fmt.h>

#include <array>
#include <string_view>

namespace chat {

namespace {

constexpr std::string_view plain = "\033[m";

/// As spdlog's own sinks for terminals have them.
constexpr auto colours = std::to_array<std::string_view>({
    "\033[37m",        // trace
    "\033[36m",        // debug
    "\033[32m",        // info
    "\033[33m\033[1m", // warn
    "\033[31m\033[1m", // error
    "\033[1m\033[41m", // critical
    "",                // off
});
static_assert(colours.size() == spdlog::level::n_levels);

} // namespace

void log_sink::sink_it_(const spdlog::details::log_msg& message) {
    // A notice that finds no room is counted in place of its message, which then is not tried.
    if (dropped_ > 0) {
        const auto text = fmt::format("log lines dropped={}", dropped_);
        if (write({message.logger_name, spdlog::level::warn, text}))
            dropped_ = 0;
    }
    if (dropped_ > 0 || !write(message))
        ++dropped_;
}

bool log_sink::write(const spdlog::details::log_msg& message) {
    spdlog::memory_buf_t formatted;
    // The formatter tells where the level is.
    message.color_range_start = message.color_range_end = 0;
    formatter_->format(message, formatted);
    const std::string_view line{formatted.data(), formatted.size()};
    if (!coloured_ || message.color_range_end <= message.color_range_start)
        return alarm::write_line(line);
    const auto start = message.color_range_start;
    const auto end = message.color_range_end;
    return alarm::write_line(fmt::format("{}{}{}{}{}", line.substr(0, start),
                                         colours[message.level], line.substr(start, end - start),
                                         plain, line.substr(end)));
}

} // namespace chat
