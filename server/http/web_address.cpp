#include "server/http/web_address.hpp"

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <charconv>

namespace chat {

namespace {

namespace ip = boost::asio::ip;

// Not std::isalnum and std::tolower, which depend on the locale.
bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

std::string lower_case(std::string_view text) {
    std::string lower{text};
    std::ranges::transform(lower, lower.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return lower;
}

bool is_scheme(std::string_view text) {
    return !text.empty() && is_letter(text.front()) && std::ranges::all_of(text, [](char c) {
        return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
    });
}

// RFC 3986 allows more characters, but no real host name has them.
bool is_host_name(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
    });
}

// Expects the address without its brackets.
std::optional<std::string> parse_ipv6(std::string_view text) {
    if (text.find('%') != std::string_view::npos) // a zone is meaningless to another machine
        return {};
    boost::system::error_code invalid;
    const auto address = ip::make_address_v6(std::string{text}, invalid);
    return invalid ? std::nullopt : std::optional{address.to_string()};
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, port);
    return error == std::errc{} && end == last && port != 0 ? std::optional{port} : std::nullopt;
}

} // namespace

std::optional<web_address> parse_address(std::string_view text) {
    web_address address;
    std::string_view port;
    if (text.starts_with('[')) {
        const auto bracket = text.find(']');
        if (bracket == std::string_view::npos)
            return {};
        const auto ipv6 = parse_ipv6(text.substr(1, bracket - 1));
        if (!ipv6)
            return {};
        address.host = *ipv6;
        port = text.substr(bracket + 1);
    } else {
        const auto name = text.substr(0, text.find(':'));
        if (!is_host_name(name))
            return {};
        address.host = lower_case(name);
        port = text.substr(name.size());
    }
    if (!port.empty() && port.front() != ':')
        return {};
    if (port.size() > 1) { // a colon without digits: no port
        address.port = parse_port(port.substr(1));
        if (!address.port)
            return {};
    }
    return address;
}

std::optional<web_url> parse_web_url(std::string_view text) {
    constexpr std::string_view separator = "://";
    const auto scheme = text.substr(0, text.find(separator));
    if (scheme.size() == text.size() || !is_scheme(scheme))
        return {};
    text.remove_prefix(scheme.size() + separator.size());
    const auto authority = text.substr(0, text.find_first_of("/?#"));
    auto address = parse_address(authority);
    if (!address)
        return {};
    return web_url{lower_case(scheme), std::move(*address), text.substr(authority.size())};
}

std::optional<std::uint16_t> default_port(std::string_view scheme) {
    if (scheme == "http" || scheme == "ws")
        return 80;
    if (scheme == "https" || scheme == "wss")
        return 443;
    return {};
}

std::optional<web_origin> parse_origin(std::string_view text) {
    auto url = parse_web_url(text);
    if (!url || !(url->rest.empty() || url->rest == "/"))
        return {};
    if (!url->address.port)
        url->address.port = default_port(url->scheme);
    return web_origin{std::move(url->scheme), std::move(url->address)};
}

namespace {

// An origin with any other scheme belongs to another kind of program, regardless of its host.
bool is_web_page(const web_origin& origin) {
    return origin.scheme == "http" || origin.scheme == "https";
}

} // namespace

bool is_loopback(const web_origin& origin) {
    if (!is_web_page(origin))
        return false;
    boost::system::error_code is_name;
    const auto address = ip::make_address(origin.address.host, is_name);
    return is_name ? origin.address.host == "localhost" : address.is_loopback();
}

bool is_same_host(const web_origin& origin, const web_address& host) {
    const auto port = host.port ? host.port : default_port(origin.scheme);
    return is_web_page(origin) && origin.address == web_address{host.host, port};
}

} // namespace chat
