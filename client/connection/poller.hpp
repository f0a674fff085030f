// Waits for the sockets of all connections at once. Asio's own reactor would cost one more system call
// per read: either a read that finds nothing, or rearming the socket. To Asio this poller is a single
// descriptor. When it becomes ready, the poller resumes the waiting coroutines in the same handler. The
// events are edge-triggered, so a resumed reader must read until the socket is empty.
// Loop thread only.
#pragma once

#include "server/loop/loop_executor.hpp"
#include "server/loop/wake_up.hpp"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

namespace chat::load {

/// Wakes a connection's reader and writer. The poller keeps a pointer to it, so it must not move while
/// its socket is watched.
struct socket_events {
    explicit socket_events(loop_executor loop)
        : readable{loop}
        , writable{loop} {}

    wake_up readable;
    wake_up writable;
    bool peer_ended = false; ///< no more data will arrive; unread data may remain
};

class poller {
public:
    explicit poller(asio::io_context& loop);

    /// Stops waiting, so the poller no longer keeps the loop running.
    void close() { ready_.close(); }

    /// Reports the socket's events to `target` until the socket is closed.
    void watch(int socket, socket_events& target);

private:
    void wait();
    void wake_ready();

    asio::posix::basic_stream_descriptor<loop_executor> ready_;
};

} // namespace chat::load
