// Hosts, ports and origins: from URLs, from the headers Host and Origin, from both command lines. This
// is the only parser of them. What it returns is normalised, so equal addresses compare equal. What it
// does not take is not an address that a browser or a client of today sends: user names, IPv6 zones,
// percent-encoded or non-ASCII host names, port 0.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace chat {

struct web_address {
    /// Names in lower case, IP addresses in their usual form, IPv6 without brackets. A dot at the end
    /// of a name stays: browsers, too, take `chat.lan.` for another host than `chat.lan`.
    std::string host;
    std::optional<std::uint16_t> port; ///< empty if the text names none

    bool operator==(const web_address&) const = default;
};

/// Reads `HOST`, `HOST:PORT` or `[IPV6]:PORT`.
std::optional<web_address> parse_address(std::string_view text);

struct web_url {
    std::string scheme; ///< in lower case
    web_address address;
    std::string_view rest; ///< the path and what follows it, as in the text
};

/// Reads `SCHEME://HOST:PORT/PATH?QUERY#FRAGMENT`, where all behind the host may be missing.
std::optional<web_url> parse_web_url(std::string_view text);

/// 80 or 443 for http, ws, https and wss.
std::optional<std::uint16_t> default_port(std::string_view scheme);

/// Where a page comes from, as its browser tells it in the header Origin. The port is that of the
/// scheme if the text names none.
struct web_origin {
    std::string scheme;
    web_address address;

    bool operator==(const web_origin&) const = default;
};

/// Reads `SCHEME://HOST:PORT`; a slash at the end makes no difference. `null` is not an origin.
std::optional<web_origin> parse_origin(std::string_view text);

/// True if the origin is a page of this very machine: http or https, and localhost, 127.0.0.0/8 or
/// [::1]. Other names, `app.localhost` among them, are whatever the browser's resolver makes of them.
bool is_loopback(const web_origin& origin);

/// True if the page comes from the server that it connects to. `host` is what its request names; a
/// port that it does not name is the default one of the page's scheme.
bool is_same_host(const web_origin& origin, const web_address& host);

} // namespace chat
