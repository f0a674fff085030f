// Writes the log on its own thread: takes messages from the queue of spdlog's asynchronous logger, writes lines to
// stderr. A write blocks as long as nobody reads, but only this thread waits.
#pragma once

#include <spdlog/async.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace chat {

/// Names of the two loggers. Text of the second one is written unchanged, without time and level.
inline constexpr std::string_view log_name = "chat";
inline constexpr std::string_view prose_name = "prose";

class log_sink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
public:
    /// The queue must have exactly one thread, and must outlive the sink.
    log_sink(int descriptor, bool coloured, spdlog::details::thread_pool& queue)
        : descriptor_{descriptor}
        , coloured_{coloured}
        , queue_{queue} {}

    // --- On any thread ---

    /// How many lines were lost: replaced in the queue by newer ones, or refused by the descriptor. A
    /// stall report that is replaced counts as one line.
    [[nodiscard]] std::uint64_t dropped() const;

    void count_dropped(std::uint64_t lines = 1) { refused_ += lines; }

    [[nodiscard]] std::uint64_t flushes() const;

    /// Waits until there have been more flushes than `before`. Returns false on timeout.
    [[nodiscard]] bool wait_for_flush(std::uint64_t there_were, std::chrono::milliseconds at_most);

private:
    // --- On the log's thread ---

    void sink_it_(const spdlog::details::log_msg& message) override;
    void flush_() override;

    [[nodiscard]] std::string line_of(const spdlog::details::log_msg& message);
    [[nodiscard]] std::string_view rest_after_writing(std::string_view text);

    int descriptor_;
    bool coloured_;
    spdlog::details::thread_pool& queue_;
    std::atomic<std::uint64_t> refused_{0};
    std::uint64_t reported_ = 0; // how many dropped lines the log has reported
    bool torn_ = false;          // the last write ended in the middle of a line

    mutable std::mutex flush_mutex_; // guards flushes_
    std::condition_variable flushed_;
    std::uint64_t flushes_ = 0;
};

} // namespace chat
