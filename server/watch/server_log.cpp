#include "server/watch/server_log.hpp"

#include "server/system/streams.hpp"

#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>

namespace chat {

namespace {

constexpr auto when_full = spdlog::async_overflow_policy::overrun_oldest;

void begin_thread() {
    block_signals_of_this_thread();
    ::pthread_setname_np(::pthread_self(), "log");
}

} // namespace

server_log::server_log(int descriptor, bool coloured, std::size_t queue_length)
    : coloured_{coloured}
    , queue_{std::make_shared<spdlog::details::thread_pool>(queue_length, 1, begin_thread)}
    , sink_{std::make_shared<log_sink>(descriptor, coloured, *queue_)}
    , lines_{make_logger(log_name)}
    , prose_{make_logger(prose_name)} {}

std::shared_ptr<spdlog::async_logger> server_log::make_logger(std::string_view name) const {
    auto logger =
        std::make_shared<spdlog::async_logger>(std::string{name}, sink_, queue_, when_full);
    // spdlog's default handler would write to stderr on the thread that logs.
    logger->set_error_handler([sink = sink_](const std::string&) { sink->count_dropped(); });
    return logger;
}

// Asks the queue, not the logger, because flush() waits without a limit in some versions of spdlog.
bool server_log::drain(std::chrono::milliseconds at_most) {
    const auto before = sink_->flushes();
    static_cast<void>(queue_->post_flush(std::shared_ptr{lines_}, when_full));
    return sink_->wait_for_flush(before, at_most);
}

server_log& the_log() {
    static auto* const log = new server_log{STDERR_FILENO, takes_escapes(STDERR_FILENO)};
    return *log;
}

void end_process(int code) {
    the_log().drain();
    std::_Exit(code);
}

void abort_process() {
    the_log().drain();
    std::raise(SIGABRT);
    std::_Exit(128 + SIGABRT);
}

} // namespace chat
