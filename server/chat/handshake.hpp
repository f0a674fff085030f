// The HTTP part of a connection: reads the upgrade request within time and size limits, and answers
// with plain HTTP whoever must not come in. What is let through goes on as a WebSocket in
// session.cpp.
#pragma once

#include "server/chat/limits.hpp"
#include "server/chat/wire.hpp"
#include "server/sync/loop_executor.hpp"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace chat {

using upgrade_request = boost::beast::http::request<boost::beast::http::empty_body>;

/// Why a client is not let in: an HTTP status and a sentence that tells it what to do.
struct objection {
    boost::beast::http::status status;
    std::string_view reason;
};

/// Reads the request; nothing when the client left, or was answered with an objection: 426 for what
/// is no upgrade, 403 for an Origin that is not allowed, 408 when it took too long, 431 when it is
/// too long, 400 when it is broken. `owner` keeps `out` and `reading` alive, which tells whether the
/// request is still being read.
task<std::optional<upgrade_request>> receive_upgrade(wire& out, std::shared_ptr<void> owner,
                                                     const handshake_limits& limits, bool& reading);

/// Answers with the objection and closes.
task<> turn_away(wire& out, std::shared_ptr<void> owner, objection against);

/// Whether a page of this Origin may connect: loopback, the very host that was asked for (`Host`),
/// or one of the list, where `*` stands for any. Programs send no Origin and are not asked.
bool is_allowed_origin(std::string_view origin, std::string_view host,
                       const std::vector<std::string>& allowed);

} // namespace chat
