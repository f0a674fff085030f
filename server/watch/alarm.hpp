// How the watch thread speaks: straight to stderr. Not through the logger, whose lock the loop's
// thread may hold while it is stuck. And what everyone's log is written by: nothing here waits for a
// reader.
#pragma once

#include <spdlog/common.h>
#include <spdlog/fmt/fmt.h>

#include <string_view>
#include <utility>

namespace chat::alarm {

/// Whether stderr is read by someone who wants colours: a terminal, and no NO_COLOR (no-color.org).
bool colour_is_welcome();

/// Writes as much as stderr takes without blocking. Here as below, lines that it does not take are
/// counted.
void write(std::string_view text);

/// Writes all of it or, if stderr has no room for that or it is longer than PIPE_BUF, nothing; whether
/// it was written.
bool write_line(std::string_view line);

/// A line as the logger would write it, if it would at this level.
void log_line(spdlog::level::level_enum level, std::string_view message);

template <class... Args>
void log(spdlog::level::level_enum level, fmt::format_string<Args...> format, Args&&... args) {
    log_line(level, fmt::format(format, std::forward<Args>(args)...));
}

} // namespace chat::alarm
