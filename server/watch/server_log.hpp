// The server's log. It uses spdlog's asynchronous logger, so that logging only puts a message into a
// bounded queue. The loop's thread and the watch thread never wait for stderr, even if stderr is a
// stopped terminal, a full pipe or a slow disk. When the queue is full, the oldest lines are dropped, and
// a line in the log says how many.
#pragma once

#include "server/watch/log_sink.hpp"

#include <spdlog/async.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace chat {

class server_log {
public:
    /// Enough for a burst while the log's thread waits for a processor.
    static constexpr std::size_t default_length = 1000;

    explicit server_log(int descriptor, bool coloured, std::size_t queue_length = default_length);

    /// Waits for the log's thread, and therefore for the reader. The server's own log is never destroyed.
    ~server_log() { queue_.reset(); }

    server_log(const server_log&) = delete;
    server_log& operator=(const server_log&) = delete;

    /// Logs one line per call. In the server this is spdlog's default logger.
    [[nodiscard]] const std::shared_ptr<spdlog::async_logger>& lines() const { return lines_; }

    /// Logs text with its own line ends: a stall report, or why the server cannot run. Ignores
    /// --log-level.
    [[nodiscard]] spdlog::async_logger& prose() const { return *prose_; }

    /// True if the log is coloured. The server's log is coloured if stderr is a terminal, TERM is not dumb,
    /// and NO_COLOR (no-color.org) is not set.
    [[nodiscard]] bool coloured() const { return coloured_; }

    /// How many lines were lost.
    [[nodiscard]] std::uint64_t dropped() const { return sink_->dropped(); }

    /// Waits until everything logged so far is written. Returns false on timeout.
    bool drain(std::chrono::milliseconds at_most = std::chrono::milliseconds{500});

private:
    [[nodiscard]] std::shared_ptr<spdlog::async_logger> make_logger(std::string_view name) const;

    bool coloured_;
    std::shared_ptr<spdlog::details::thread_pool> queue_; // with the log's thread, which ends first
    std::shared_ptr<log_sink> sink_;
    std::shared_ptr<spdlog::async_logger> lines_;
    std::shared_ptr<spdlog::async_logger> prose_;
};

/// Returns the server's log on stderr, which the first call creates. It is never destroyed, because its
/// thread may be blocked in a write when the process ends.
server_log& the_log();

/// Drains the log, then ends the process without unwinding. May be called on any thread.
[[noreturn]] void end_process(int code);

/// The same with SIGABRT. The exit status is 134 even for PID 1 of a container, which SIGABRT does not end.
[[noreturn]] void abort_process();

} // namespace chat
