// Parses hosts, ports and origins from URLs, from the Host and Origin headers and from both command lines. No other
// code parses them. Results are normalised, so equal addresses compare equal. Rejects forms that no current
// browser or client sends: user names, IPv6 zones, percent-encoded or non-ASCII host names, and port 0.
// (Boost.URL would do the job, but since Boost 1.83 it is no longer header-only.)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace chat {

struct web_address {
    /// Names in lower case, IP addresses in their usual form, IPv6 without brackets. A trailing dot stays,
    /// because to browsers `chat.lan.` and `chat.lan` are different hosts.
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

/// Reads `SCHEME://HOST:PORT/PATH?QUERY#FRAGMENT`, where everything after the host is optional.
std::optional<web_url> parse_web_url(std::string_view text);

/// Returns 80 for http and ws, 443 for https and wss, nothing for other schemes.
std::optional<std::uint16_t> default_port(std::string_view scheme);

/// The origin of a page, which its browser sends in the Origin header. If the text names no port, the port is the
/// default one of the scheme.
struct web_origin {
    std::string scheme;
    web_address address;

    bool operator==(const web_origin&) const = default;
};

/// Reads `SCHEME://HOST:PORT`; a trailing slash makes no difference. `null` is not an origin.
std::optional<web_origin> parse_origin(std::string_view text);

/// True if the origin is a page of this very machine: http or https, and localhost, 127.0.0.0/8 or
/// [::1]. Other names, even `app.localhost`, depend on the browser's resolver.
bool is_loopback(const web_origin& origin);

/// True if the page comes from the server that it connects to. `host` is the host in its request; if that names
/// no port, the default port of the page's scheme counts.
bool is_same_host(const web_origin& origin, const web_address& host);

} // namespace chat
