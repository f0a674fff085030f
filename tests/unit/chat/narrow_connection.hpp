// A connection that cuts sends, because its buffers are as small as the kernel allows.
#pragma once

#include "server/chat/wire.hpp"

namespace chat {

/// Connects on loopback. Returns the server's end; `peer` becomes the client's end.
inline wire::socket_type connect_narrow(asio::io_context& loop, wire::socket_type& peer) {
    using tcp = asio::ip::tcp;
    tcp::acceptor acceptor{loop};
    acceptor.open(tcp::v4());
    acceptor.set_option(asio::socket_base::send_buffer_size{1});
    acceptor.set_option(asio::socket_base::receive_buffer_size{1});
    acceptor.bind({asio::ip::address_v4::loopback(), 0});
    acceptor.listen();
    peer.open(tcp::v4());
    peer.set_option(asio::socket_base::receive_buffer_size{1});
    peer.connect(acceptor.local_endpoint());
    wire::socket_type accepted{loop.get_executor()};
    acceptor.accept(accepted);
    return accepted;
}

} // namespace chat
