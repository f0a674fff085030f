#include "server/watch/alarm.hpp"

#include "server/watch/counters.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <mutex>

#include <poll.h>
#include <unistd.h>

namespace chat::alarm {

namespace {

/// What is said to be writable takes PIPE_BUF bytes at once, unless somebody else is quicker: this keeps
/// our own threads from that. It is held for two system calls, neither of which waits for a reader, and
/// for the count of what is dropped.
std::mutex one_writer;

bool stderr_has_room() {
    pollfd out{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
    return ::poll(&out, 1, 0) == 1 && (out.revents & POLLOUT);
}

} // namespace

bool colour_is_welcome() {
    const char* const terminal = std::getenv("TERM");
    const char* const refused = std::getenv("NO_COLOR");
    return ::isatty(STDERR_FILENO) == 1 && terminal && std::string_view{terminal} != "dumb" &&
           (!refused || !*refused);
}

void write(std::string_view text) {
    const std::lock_guard lock{one_writer};
    while (!text.empty() && stderr_has_room()) {
        const auto written =
            ::write(STDERR_FILENO, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
        if (written <= 0)
            break;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    counted.dropped_log_lines.add(static_cast<std::uint64_t>(std::ranges::count(text, '\n')));
}

bool write_line(std::string_view line) {
    const std::lock_guard lock{one_writer};
    const auto size = static_cast<ssize_t>(line.size());
    const bool written = line.size() <= PIPE_BUF && stderr_has_room() &&
                         ::write(STDERR_FILENO, line.data(), line.size()) == size;
    if (!written)
        counted.dropped_log_lines.add();
    return written;
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
