// Accepts connections and gives each to a session. Loop thread only.
#pragma once

#include "server/chat/session.hpp"
#include "server/loop/loop_executor.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <list>
#include <memory>
#include <string>

namespace chat {

class listener {
public:
    using acceptor_type = asio::basic_socket_acceptor<asio::ip::tcp, loop_executor>;

    /// Of connections, those in the handshake too.
    struct limits {
        std::size_t connections; ///< what comes beyond it is closed unheard
        std::size_t descriptors; ///< with as many connections, those who come wait in the kernel
    };

    /// The acceptor listens already.
    listener(acceptor_type acceptor, limits most, admission& door, room& place, roster& everyone,
             session_limits limits_of_each);

    [[nodiscard]] asio::ip::tcp::endpoint local_endpoint() const {
        return acceptor_.local_endpoint();
    }

    /// Loops until stop().
    task<> accept_all();

    void stop();

    /// Waits no longer for requests that are not complete. Until there are none, call it again.
    void give_up_handshakes();

    /// Cuts every connection, those in the handshake too.
    void abort_all();

    /// Connections that have not ended.
    [[nodiscard]] std::size_t connections() const { return sessions_.size(); }

private:
    task<> pause(std::string reason);
    void start(wire::socket_type socket);
    void refuse(limit struck);

    acceptor_type acceptor_;
    loop_timer pause_timer_;
    admission& admission_;
    room& room_;
    roster& roster_;
    limits most_;
    session_limits limits_of_each_;
    std::list<std::weak_ptr<session>> sessions_; // their coroutines own them
    bool paused_ = false;
    std::size_t refused_ = 0; // without an answer, since that was logged
    session::clock::time_point told_refusals_{};
};

} // namespace chat
