// The HTTP part of a connection: reads the upgrade request within time and size limits, and refuses a
// client with a plain HTTP response. Each refusal is counted and logged. An accepted request continues
// as a WebSocket in session.cpp, and Beast's accept finds nothing more to object to.
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

/// Why a client is refused: an HTTP status, and a sentence that says what to change.
struct objection {
    boost::beast::http::status status;
    std::string_view reason;
};

/// Reads the request. Returns nothing if the client left, or was refused: with 400 for a malformed
/// request or handshake, 403 for an Origin that is not allowed, 408 if the request took too long, 426
/// for another protocol or version, 431 if the request is too long. The target of the returned request
/// is in origin form. `owner` keeps `out` and `reading` alive; `reading` is true while the request is
/// being read.
task<std::optional<request_head>> receive_upgrade(wire& out, std::shared_ptr<void> owner,
                                                  const handshake_limits& limits, bool& reading);

/// Logs the objection, answers with it, and closes.
task<> turn_away(wire& out, std::shared_ptr<void> owner, objection against);

/// Logs the objection. Call it for a request that Beast has already answered.
void log_refusal(const objection& against);

/// True if a page of this Origin may connect: a loopback page, a page of the requested host, or an
/// Origin in the list. Programs send no Origin, and do not need one.
bool is_allowed_origin(std::string_view origin, const std::optional<web_address>& host,
                       const handshake_limits& limits);

/// True if the text is a valid Sec-WebSocket-Key: 16 bytes in base64.
bool is_websocket_key(std::string_view text);

} // namespace chat
