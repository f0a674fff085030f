#include "server/watch/alarm.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <climits>
#include <cstdlib>

#include <poll.h>
#include <unistd.h>

namespace chat::alarm {

bool colour_is_welcome() {
    const char* const terminal = std::getenv("TERM");
    const char* const refused = std::getenv("NO_COLOR");
    return ::isatty(STDERR_FILENO) == 1 && terminal && std::string_view{terminal} != "dumb" &&
           (!refused || !*refused);
}

void write(std::string_view text) {
    while (!text.empty()) {
        pollfd out{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
        if (::poll(&out, 1, 0) != 1 || !(out.revents & POLLOUT))
            return;
        // What is said to be writable takes so much at once.
        const auto written =
            ::write(STDERR_FILENO, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
        if (written <= 0)
            return;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

void log_line(spdlog::level::level_enum level, std::string_view message) {
    if (!spdlog::should_log(level))
        return;
    spdlog::memory_buf_t line;
    const spdlog::details::log_msg said{"chat", level, {message.data(), message.size()}};
    spdlog::pattern_formatter{}.format(said, line);
    write({line.data(), line.size()});
}

} // namespace chat::alarm
