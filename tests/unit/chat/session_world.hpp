// Everything that a session needs, for tests that make sessions without a server.
#pragma once

#include "server/chat/admission.hpp"
#include "server/chat/room.hpp"
#include "server/chat/roster.hpp"
#include "server/chat/session.hpp"
#include "server/sync/lock_ledger.hpp"
#include "server/watch/session_names.hpp"
#include "tests/unit/chat/narrow_connection.hpp"

namespace chat {

struct session_world {
    admission limiter{{}};
    asio::io_context loop{1};
    lock_ledger ledger;
    session_names names;
    session_limits limits;
    roster everyone{loop.get_executor(), std::chrono::seconds{1}, names};
    room chat{loop.get_executor(), everyone, {}, ledger};

    /// Makes a session over a narrow connection; `peer` becomes the client's end.
    std::shared_ptr<session> make_session(wire::socket_type& peer) {
        return std::make_shared<session>(connect_narrow(loop, peer), limiter.let_in({}).value(),
                                         chat, everyone, limits);
    }
};

} // namespace chat
