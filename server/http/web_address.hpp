// Parses hosts, ports and origins from URLs, from the headers Host and Origin, and from both command
// lines. No other code parses them. Results are normalised, so equal addresses compare equal. Rejects
// what today's browsers and clients do not send: user names, IPv6 zones, percent-encoded or non-ASCII
// host names, port 0.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace chat {

struct web_address {
    /// Names in lower case, IP addresses in their usual form, IPv6 without brackets. A name keeps a
    /// dot at its end, because browsers treat `chat.lan.` and `chat.lan` as different hosts.
    std::string host;
    std::optional<std::uint16_t> port; ///< empty if the text has none

    bool operator==(const web_address&) const = default;
};

/// Reads `HOST`, `HOST:PORT` or `[IPV6]:PORT`.
std::optional<web_address> parse_address(std::string_view text);

struct web_url {
    std::string scheme; ///< in lower case
    web_address address;
    std::string_view rest; ///< the path and everything after it, unchanged
};

/// Reads `SCHEME://HOST:PORT/PATH?QUERY#FRAGMENT`; everything after the host is optional.
std::optional<web_url> parse_web_url(std::string_view text);

/// Returns 80 for http and ws, 443 for https and wss, nothing for other schemes.
std::optional<std::uint16_t> default_port(std::string_view scheme);

/// The site that a page comes from, as its browser sends it in the header Origin. If the text has no
/// port, this has the default port of the scheme.
struct web_origin {
    std::string scheme;
    web_address address;

    bool operator==(const web_origin&) const = default;
};

/// Reads `SCHEME://HOST:PORT`, ignoring a slash at the end. `null` is not an origin.
std::optional<web_origin> parse_origin(std::string_view text);

/// True if the origin is on this machine: http or https, and localhost, 127.0.0.0/8 or [::1]. Other
/// names do not count, not even `app.localhost`, because the browser's resolver may map them anywhere.
bool is_loopback(const web_origin& origin);

/// True if the page comes from the server that it connects to. `host` is the host of the request; if it
/// has no port, the default port of the page's scheme counts.
bool is_same_host(const web_origin& origin, const web_address& host);

} // namespace chat
