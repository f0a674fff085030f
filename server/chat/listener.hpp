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

    /// Limits on connections, including those in the handshake.
    struct limits {
        std::size_t connections; ///< further connections are closed without an answer
        std::size_t descriptors; ///< further connections wait in the kernel's backlog
    };

    /// The acceptor is already listening.
    listener(acceptor_type acceptor, limits most, admission& limiter, room& chat_room,
             roster& everyone, session_limits limits_of_each);

    [[nodiscard]] asio::ip::tcp::endpoint local_endpoint() const {
        return acceptor_.local_endpoint();
    }

    /// Loops until stop().
    task<> accept_all();

    void stop();

    /// Stops waiting for incomplete requests. Call it again until there are none.
    void give_up_handshakes();

    /// Resets every connection, including those in the handshake.
    void abort_all();

    /// Connections that have not ended.
    [[nodiscard]] std::size_t connections() const { return sessions_.size(); }

private:
    task<> pause(std::string reason);
    void start(wire::socket_type socket);
    void refuse(limit hit);

    acceptor_type acceptor_;
    loop_timer pause_timer_;
    admission& admission_;
    room& room_;
    roster& roster_;
    limits most_;
    session_limits limits_of_each_;
    std::list<std::weak_ptr<session>> sessions_; // their coroutines own them
    bool paused_ = false;
    std::size_t refused_ = 0; // connections closed without an answer since the last log line
    session::clock::time_point logged_refusals_{};
};

} // namespace chat
