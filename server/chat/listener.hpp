// Accepts connections and gives each to a session. Loop thread only.
#pragma once

#include "server/chat/session.hpp"
#include "server/sync/loop_executor.hpp"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <list>
#include <memory>

namespace chat {

class listener {
public:
    using acceptor_type = asio::basic_socket_acceptor<asio::ip::tcp, loop_executor>;

    /// The acceptor listens already. `max_connections` counts those in the handshake too; what
    /// comes beyond it is closed unheard.
    listener(acceptor_type acceptor, std::size_t max_connections, room& place, roster& everyone,
             session_limits limits);

    [[nodiscard]] asio::ip::tcp::endpoint local_endpoint() const {
        return acceptor_.local_endpoint();
    }

    /// Loops until stop().
    task<> accept_all();

    void stop();

    /// Cuts every connection, those in the handshake too.
    void abort_all();

    /// Connections that have not ended.
    [[nodiscard]] std::size_t connections() const { return sessions_.size(); }

private:
    void start(wire::socket_type socket);

    acceptor_type acceptor_;
    asio::basic_waitable_timer<session::clock, asio::wait_traits<session::clock>, loop_executor>
        pause_;
    room& room_;
    roster& roster_;
    session_limits limits_;
    std::size_t max_connections_;
    std::list<std::weak_ptr<session>> sessions_; // their coroutines own them
    bool paused_ = false;
};

} // namespace chat
