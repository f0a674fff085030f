// Reads the head of a request for the chat and the admin plane, by RFC 9110 and 9112: the host it is for, and the
// fields that are lists.
#pragma once

#include "server/http/web_address.hpp"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace chat {

using request_head = boost::beast::http::request<boost::beast::http::empty_body>;

/// The destination of a request.
struct destination {
    std::string_view problem;        ///< if not empty: the answer is 400, and the rest is not set
    std::optional<web_address> host; ///< empty if the request names none
    std::string target;              ///< path and query, even if the request has an absolute target
};

/// Reads Host and target (RFC 9112, 3.2). The host of a target in absolute form overrides Host.
destination destination_of(const request_head& request);

/// True if the field's list has the token, ignoring case. The list may span several lines (RFC 9110, 5.3), of
/// which Beast reads only the first.
bool has_token(const request_head& request, boost::beast::http::field name, std::string_view token);

} // namespace chat
