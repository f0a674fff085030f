// What the chat and the admin plane ask of a request's head alike, as RFC 9110 and 9112 have it: which
// host it is for, and what its lists say.
#pragma once

#include "server/http/web_address.hpp"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace chat {

using request_head = boost::beast::http::request<boost::beast::http::empty_body>;

/// Where a request goes.
struct destination {
    std::string_view problem; ///< if there is one, the answer is 400, and the rest is not set
    std::optional<web_address> host; ///< empty if the request names none
    std::string target;              ///< path and query, whatever form the request has
};

/// Reads Host and target (RFC 9112, 3.2). A target in absolute form names the host, whatever Host says.
destination destination_of(const request_head& request);

/// True if the list that this field holds has the token, whatever its case. The list may stand in
/// several lines (RFC 9110, 5.3), of which Beast reads only the first.
bool has_token(const request_head& request, boost::beast::http::field name, std::string_view token);

} // namespace chat
