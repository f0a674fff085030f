// The admin plane's HTTP server: the live page, /healthz, /metrics and /api. It runs on the watch thread, so it
// answers while the loop is frozen. It never takes the chat lock or waits for the loop. It accepts only GET and
// HEAD, within limits of size, time and number. admin_answers makes the content of the answers.
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
        std::vector<std::string> names;   ///< additional hosts: see is_trusted_host()
        std::size_t max_connections = 64; ///< one more closes the oldest that waits for its client
        std::size_t max_streams = 16;     ///< connections that get events
        std::chrono::milliseconds request_time{
            5000};                                  ///< for a request to arrive, and for its answer
        std::chrono::milliseconds event_time{2000}; ///< for a client to take one event
    };

    /// Binds and listens on the calling thread. Throws system_error if that fails. Everything else runs on
    /// `watch`.
    admin_server(loop_executor watch, settings how, admin_answers answers);

    [[nodiscard]] asio::ip::tcp::endpoint local_endpoint() const { return local_endpoint_; }

private:
    // Owned by the coroutines, and so by their context. Destroying the context, or stopping it permanently,
    // ends them.
    struct plane;

    asio::ip::tcp::endpoint local_endpoint_;
};

} // namespace chat
