// What a session needs around it, for tests that make sessions without a server.
#pragma once

#include "server/chat/admission.hpp"
#include "server/chat/room.hpp"
#include "server/chat/roster.hpp"
#include "server/chat/session.hpp"
#include "server/sync/lock_ledger.hpp"
#include "server/watch/session_names.hpp"

namespace chat {

struct place {
    admission door{{}};
    asio::io_context loop{1};
    lock_ledger ledger;
    session_names names;
    session_limits limits;
    roster everyone{loop.get_executor(), std::chrono::seconds{1}, names};
    room chat{loop.get_executor(), everyone, {}, ledger};

    /// On loopback, with buffers as small as the kernel allows; `peer` becomes the client's end.
    std::shared_ptr<session> make_session(wire::socket_type& peer) {
        using tcp = asio::ip::tcp;
        tcp::acceptor acceptor{loop};
        acceptor.open(tcp::v4());
        acceptor.set_option(asio::socket_base::send_buffer_size{1});
        acceptor.bind({asio::ip::address_v4::loopback(), 0});
        acceptor.listen();
        peer.open(tcp::v4());
        peer.set_option(asio::socket_base::receive_buffer_size{1});
        peer.connect(acceptor.local_endpoint());
        wire::socket_type accepted{loop.get_executor()};
        acceptor.accept(accepted);
        return std::make_shared<session>(std::move(accepted), door.let_in({}).value(), chat,
                                         everyone, limits);
    }
};

} // namespace chat
