// Plugs the admin plane into the server: what it shows comes from the monitor and from the ledger of
// the chat lock.
#pragma once

#include "server/watch/admin_server.hpp"

#include <boost/asio/io_context.hpp>

#include <optional>
#include <string>

namespace chat {

class lock_ledger;
class loop_monitor;
class session_names;
struct server_options;

/// Before the watch thread runs `watch`. Takes the port at once; throws when it can't, with a
/// sentence that says what to do. Nothing with --no-admin. All that is passed in outlives `watch`'s
/// run.
std::optional<admin_server> start_admin(boost::asio::io_context& watch,
                                        const server_options& options, const std::string& chat_url,
                                        const loop_monitor& monitor, const lock_ledger& ledger,
                                        const session_names& names);

} // namespace chat
