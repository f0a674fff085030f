// Waits for the sockets of all connections at once. Asio's own reactor would cost a system call more
// for each read: it either tries the socket in vain or arms it anew. This one is one descriptor of
// Asio's, and runs whoever waits inside the turn that it is ready. Edge-triggered: who was woken reads
// until the socket has no more.
// Loop thread only.
#pragma once

#include "server/loop/loop_executor.hpp"
#include "server/loop/wake_up.hpp"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

namespace chat::load {

/// What a connection's reader and writer sleep on. Must stay where it is while it is watched.
struct socket_events {
    explicit socket_events(loop_executor loop)
        : readable{loop}
        , writable{loop} {}

    wake_up readable;
    wake_up writable;
    bool peer_ended = false; ///< nothing more comes than is there already
};

class poller {
public:
    explicit poller(asio::io_context& loop);

    /// Ends the waiting, and with it the work that keeps the loop running.
    void close() { ready_.close(); }

    /// From here on until it is closed.
    void watch(int socket, socket_events& who);

private:
    void wait();
    void wake_who_is_ready();

    asio::posix::basic_stream_descriptor<loop_executor> ready_;
};

} // namespace chat::load
