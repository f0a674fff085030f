#include "server/chat/handshake.hpp"

#include "server/watch/counters.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>

namespace chat {

namespace beast = boost::beast;
namespace http = beast::http;

namespace {

constexpr std::size_t max_header_bytes = 8192;
constexpr std::chrono::seconds handshake_time{5};

using timer =
    asio::basic_waitable_timer<wire::clock, asio::wait_traits<wire::clock>, loop_executor>;

/// `host:port` of `https://host:port/…`; empty when it is none.
std::string_view authority_of(std::string_view origin) {
    constexpr std::string_view separator = "://";
    const auto scheme_end = origin.find(separator);
    if (scheme_end == std::string_view::npos)
        return {};
    origin.remove_prefix(scheme_end + separator.size());
    return origin.substr(0, origin.find('/'));
}

bool is_loopback(std::string_view authority) {
    constexpr std::array<std::string_view, 3> loopback = {"localhost", "127.0.0.1", "[::1]"};
    const auto port = authority.find_last_of(':');
    const bool has_port = port != std::string_view::npos && !authority.ends_with(']');
    const auto host = has_port ? authority.substr(0, port) : authority;
    return std::ranges::find(loopback, host) != loopback.end();
}

std::string_view field(const upgrade_request& request, http::field name) {
    const auto value = request[name];
    return {value.data(), value.size()};
}

std::optional<objection> object_to(const upgrade_request& request,
                                   const std::vector<std::string>& allowed_origins) {
    if (!beast::websocket::is_upgrade(request))
        return objection{http::status::upgrade_required,
                         "This is a WebSocket chat server: connect with a WebSocket client.\n"};
    const bool has_origin = request.find(http::field::origin) != request.end();
    if (has_origin && !is_allowed_origin(field(request, http::field::origin),
                                         field(request, http::field::host), allowed_origins))
        return objection{http::status::forbidden,
                         "Pages of this Origin may not connect (see --allow-origin).\n"};
    return {};
}

counter& refusals(http::status status) {
    switch (status) {
    case http::status::forbidden:
        return counted.refused_origin;
    case http::status::upgrade_required:
        return counted.refused_no_websocket;
    default:
        return counted.refused_full;
    }
}

} // namespace

bool is_allowed_origin(std::string_view origin, std::string_view host,
                       const std::vector<std::string>& allowed) {
    const auto authority = authority_of(origin);
    const bool listed = std::ranges::any_of(
        allowed, [&](const auto& entry) { return entry == "*" || entry == origin; });
    return listed || (!authority.empty() && (authority == host || is_loopback(authority)));
}

task<std::optional<upgrade_request>>
receive_upgrade(wire& out, std::shared_ptr<void> owner,
                const std::vector<std::string>& allowed_origins) {
    timer deadline{out.get_executor(), handshake_time};
    deadline.async_wait([&out, owner](error_code cancelled) {
        if (!cancelled)
            out.close();
    });
    beast::flat_buffer buffer{max_header_bytes};
    http::request_parser<http::empty_body> parser;
    parser.header_limit(max_header_bytes);
    const auto [error, size] =
        co_await http::async_read_header(out, buffer, parser, asio::as_tuple(use_task));
    if (error) {
        spdlog::debug("no handshake reason=\"{}\"", error.message());
        co_return std::nullopt;
    }
    if (const auto against = object_to(parser.get(), allowed_origins)) {
        co_await turn_away(out, owner, *against);
        co_return std::nullopt;
    }
    co_return parser.release();
}

task<> turn_away(wire& out, std::shared_ptr<void> owner, objection against) {
    refusals(against.status).add();
    http::response<http::string_body> answer{against.status, 11};
    answer.set(http::field::server, "chat-server");
    answer.set(http::field::content_type, "text/plain");
    answer.keep_alive(false);
    if (against.status == http::status::upgrade_required) {
        answer.set(http::field::upgrade, "websocket");
        answer.set(http::field::connection, "upgrade, close");
    }
    answer.body() = against.reason;
    answer.prepare_payload();
    co_await http::async_write(out, answer, asio::as_tuple(use_task));
    spdlog::info("turned away status={}", static_cast<unsigned>(against.status));
    co_await out.linger(owner);
}

} // namespace chat
