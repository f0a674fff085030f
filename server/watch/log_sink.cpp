#include "server/watch/log_sink.hpp"

#include "server/system/streams.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>

namespace chat {

namespace {

constexpr std::string_view plain = "\033[m";

/// The colours of spdlog's own terminal sinks.
constexpr auto level_colours = std::to_array<std::string_view>({
    "\033[37m",        // trace
    "\033[36m",        // debug
    "\033[32m",        // info
    "\033[33m\033[1m", // warn
    "\033[31m\033[1m", // error
    "\033[1m\033[41m", // critical
    "",                // off
});
static_assert(level_colours.size() == spdlog::level::n_levels);

spdlog::string_view_t for_spdlog(std::string_view text) {
    return {text.data(), text.size()};
}

} // namespace

std::uint64_t log_sink::dropped() const {
    return queue_.overrun_counter() + refused_;
}

// All lines that the queue lost were older than this message, so the notice belongs here.
void log_sink::sink_it_(const spdlog::details::log_msg& message) {
    const auto line = line_of(message);
    auto rest = std::string_view{line};
    const auto lost = dropped();
    bool writable = true;
    if (lost != reported_) {
        const auto text = fmt::format("log lines dropped={}", lost - reported_);
        const auto notice = line_of({for_spdlog(log_name), spdlog::level::warn, for_spdlog(text)});
        writable = rest_after_writing(notice).empty();
        if (writable)
            reported_ = lost;
    }
    if (writable)
        rest = rest_after_writing(line);
    if (!rest.empty())
        count_dropped(static_cast<std::uint64_t>(std::ranges::count(rest, '\n')));
}

std::string log_sink::line_of(const spdlog::details::log_msg& message) {
    if (message.logger_name == for_spdlog(prose_name))
        return {message.payload.data(), message.payload.size()};
    spdlog::memory_buf_t formatted;
    // The formatter sets the range of the level.
    message.color_range_start = message.color_range_end = 0;
    formatter_->format(message, formatted);
    std::string line{formatted.data(), formatted.size()};
    if (coloured_ && message.color_range_end > message.color_range_start) {
        line.insert(message.color_range_end, plain);
        line.insert(message.color_range_start, level_colours[message.level]);
    }
    return line;
}

// Writes the text, and returns what could not be written. A line that a full disk cut off stays incomplete, and the
// text starts on a new line.
std::string_view log_sink::rest_after_writing(std::string_view text) {
    if (torn_ && write_all(descriptor_, "\n") == 1)
        torn_ = false;
    if (torn_)
        return text;
    const auto written = write_all(descriptor_, text);
    if (written > 0)
        torn_ = text[written - 1] != '\n';
    return text.substr(written);
}

void log_sink::flush_() {
    {
        const std::lock_guard lock{flush_mutex_};
        ++flushes_;
    }
    flushed_.notify_all();
}

std::uint64_t log_sink::flushes() const {
    const std::lock_guard lock{flush_mutex_};
    return flushes_;
}

bool log_sink::wait_for_flush(std::uint64_t there_were, std::chrono::milliseconds at_most) {
    std::unique_lock lock{flush_mutex_};
    return flushed_.wait_for(lock, at_most, [&] { return flushes_ > there_were; });
}

} // namespace chat
