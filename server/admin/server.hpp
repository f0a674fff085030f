// The HTTP server of the admin plane: the live page, /healthz, /metrics and /api. It runs on the watch
// thread and never takes the chat lock or waits for the loop, so it answers while the loop is frozen.
// Accepts only GET and HEAD, and limits the size, time and number of requests. admin_answers makes the
// content of the answers.
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
        std::vector<std::string> names;               ///< additional hosts: see is_trusted_host()
        std::size_t max_connections = 64;             ///< one more closes the oldest that waits
        std::size_t max_streams = 16;                 ///< connections that get events
        std::chrono::milliseconds request_time{5000}; ///< to read a request and send its answer
        std::chrono::milliseconds event_time{2000};   ///< for a client to take one event
    };

    /// Binds and listens on the calling thread; throws system_error if that fails. Everything else
    /// runs on `watch`.
    admin_server(loop_executor watch, settings how, admin_answers answers);

    [[nodiscard]] asio::ip::tcp::endpoint local_endpoint() const { return local_endpoint_; }

private:
    // Owned by the coroutines, and therefore by their context. The coroutines end when the context
    // is destroyed or stops permanently.
    struct plane;

    asio::ip::tcp::endpoint local_endpoint_;
};

} // namespace chat
