// The admin plane's HTTP: the live page, /healthz, /metrics and /api. It runs on the watch thread,
// so it answers while the loop is frozen; it never takes the chat lock and asks the loop nothing.
// Only GET and HEAD, within limits of size, time and number. What is answered is admin_answers'
// matter.
#pragma once

#include "server/admin/answers.hpp"
#include "server/loop/loop_executor.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace chat {

class admin_server {
public:
    struct settings {
        asio::ip::tcp::endpoint endpoint;
        std::vector<std::string> names;   ///< hosts that requests may name: see is_trusted_host()
        std::size_t max_connections = 64; ///< one more closes one that waits for its client
        std::size_t max_streams = 16;     ///< of these, such as get events
        std::chrono::milliseconds request_time{5000}; ///< for a request to come, and its answer
        std::chrono::milliseconds event_time{2000};   ///< for a client to take an event
    };

    /// Binds and listens, on the calling thread; throws system_error when it can't. All else runs
    /// on `watch`.
    admin_server(loop_executor watch, settings how, admin_answers answers);

    [[nodiscard]] asio::ip::tcp::endpoint local_endpoint() const { return local_endpoint_; }

private:
    // Owned by the coroutines, and so by the context they run on: whoever destroys that, or stops
    // it for good, ends them.
    struct plane;

    asio::ip::tcp::endpoint local_endpoint_;
};

} // namespace chat
