// The HTTP part of a connection: reads the upgrade request within time and size limits, and answers
// with plain HTTP whoever must not come in: each of them is counted and logged. What is let through goes
// on as a WebSocket in session.cpp, and Beast's accept finds nothing more to object to.
#pragma once

#include "server/chat/session_limits.hpp"
#include "server/chat/wire.hpp"
#include "server/http/request_head.hpp"
#include "server/loop/loop_executor.hpp"

#include <boost/beast/http/status.hpp>

#include <memory>
#include <optional>
#include <string_view>

namespace chat {

/// Why a client is not let in: an HTTP status and a sentence that tells it what to do.
struct objection {
    boost::beast::http::status status;
    std::string_view reason;
};

/// Reads the request. Returns nothing if the client left, or was answered with an objection: 400 for a
/// request that is broken or no good handshake, 403 for an Origin that is not allowed, 408 when it took
/// too long, 426 for another protocol or version, 431 when it is too long. What it returns has the
/// target in origin form. `owner` keeps `out` and `reading` alive; `reading` tells whether the request
/// is still being read.
task<std::optional<request_head>> receive_upgrade(wire& out, std::shared_ptr<void> owner,
                                                  const handshake_limits& limits, bool& reading);

/// Answers with the objection and closes.
task<> turn_away(wire& out, std::shared_ptr<void> owner, objection against);

/// Logs it; for what is answered by somebody else.
void log_refusal(const objection& against);

/// True if a page of this Origin may connect: one of loopback, of the very host that was asked for, or
/// of the list. Programs send no Origin, and are not asked for one.
bool is_allowed_origin(std::string_view origin, const std::optional<web_address>& host,
                       const handshake_limits& limits);

/// True if this may be a Sec-WebSocket-Key: 16 bytes in base64.
bool is_websocket_key(std::string_view text);

} // namespace chat
