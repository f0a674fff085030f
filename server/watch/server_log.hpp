// The log: spdlog's asynchronous logger, so logging only puts a message into a bounded queue. Neither the loop's
// thread nor the watch thread ever waits for stderr, even if stderr is a stopped terminal, a full pipe or a slow
// disk. If the queue is full, the oldest lines are dropped and counted, and the next line that gets
// through says how many.
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
    /// Enough for a burst while the writing thread waits for a processor.
    static constexpr std::size_t default_length = 1000;

    explicit server_log(int descriptor, bool coloured, std::size_t queue_length = default_length);

    /// Waits for the writing thread, and so for the reader. The server's log is never destroyed.
    ~server_log() { queue_.reset(); }

    server_log(const server_log&) = delete;
    server_log& operator=(const server_log&) = delete;

    /// Logs one line per call. In the server this is spdlog's default logger.
    [[nodiscard]] const std::shared_ptr<spdlog::async_logger>& lines() const { return lines_; }

    /// Logs text with its own line ends: a stall report, or why the server cannot run. Ignores --log-level.
    [[nodiscard]] spdlog::async_logger& prose() const { return *prose_; }

    /// True if the log is coloured. The server's log is coloured if stderr is a terminal, TERM is not dumb,
    /// and NO_COLOR (no-color.org) is not set.
    [[nodiscard]] bool coloured() const { return coloured_; }

    /// How many lines were lost.
    [[nodiscard]] std::uint64_t dropped() const { return sink_->dropped(); }

    /// Waits until everything logged before is written. Returns false if that takes longer than `at_most`.
    bool drain(std::chrono::milliseconds at_most = std::chrono::milliseconds{500});

private:
    [[nodiscard]] std::shared_ptr<spdlog::async_logger> make_logger(std::string_view name) const;

    bool coloured_;
    std::shared_ptr<spdlog::details::thread_pool> queue_; // with the log's thread, which ends first
    std::shared_ptr<log_sink> sink_;
    std::shared_ptr<spdlog::async_logger> lines_;
    std::shared_ptr<spdlog::async_logger> prose_;
};

/// The server's log on stderr, created at the first call. It is never destroyed, because its thread may still be
/// blocked in a write when the process ends, and nothing waits for it.
server_log& the_log();

/// Drains the log for at most half a second, then ends the process without unwinding. Any thread.
[[noreturn]] void end_process(int code);

/// The same with SIGABRT and status 134. Also works for PID 1 of a container, which SIGABRT does not end.
[[noreturn]] void abort_process();

} // namespace chat
