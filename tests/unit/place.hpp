// What a session needs around it, for tests that make sessions without a server.
#pragma once

#include "server/chat/room.hpp"
#include "server/chat/roster.hpp"
#include "server/chat/session.hpp"
#include "server/sync/lock_ledger.hpp"
#include "server/watch/session_names.hpp"

namespace chat {

struct place {
    asio::io_context loop{1};
    lock_ledger ledger;
    session_names names;
    session_limits limits;
    roster everyone{loop.get_executor(), {}, std::chrono::seconds{1}, names};
    room chat{loop.get_executor(), everyone, {}, ledger};
};

} // namespace chat
