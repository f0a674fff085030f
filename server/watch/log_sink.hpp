// Where the logger writes: to stderr, as long as somebody reads that. A line that finds no room is
// dropped and counted, and the next one tells how many were: a write that waits (`2>&1 | less`)
// would stop the loop's thread, and the chat with it.
#pragma once

#include <spdlog/sinks/base_sink.h>

#include <cstddef>
#include <mutex>

namespace chat {

/// Any thread. The lock is held for a write that does not wait, and for nobody else's code.
class log_sink final : public spdlog::sinks::base_sink<std::mutex> {
public:
    explicit log_sink(bool coloured)
        : coloured_{coloured} {}

private:
    void sink_it_(const spdlog::details::log_msg& message) override;

    void flush_() override {}

    [[nodiscard]] bool write(const spdlog::details::log_msg& message);

    bool coloured_;
    std::size_t dropped_ = 0;
};

} // namespace chat
