#include "server/chat/handshake.hpp"

#include "server/numbers/counters.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace chat {

namespace beast = boost::beast;
namespace http = beast::http;

namespace {

constexpr std::size_t max_header_bytes = 8192;
// A client that is turned away has read its answer by then, or never will.
constexpr std::chrono::milliseconds time_to_read_it{500};
constexpr std::chrono::milliseconds until_the_next_read{10};

std::string_view field(const request_head& request, http::field name) {
    const auto value = request[name];
    return {value.data(), value.size()};
}

objection bad_request(std::string_view reason) {
    counted.struck.add(limit::bad_request);
    return {http::status::bad_request, reason};
}

objection no_websocket(std::string_view reason) {
    counted.refused_no_websocket.add();
    return {http::status::upgrade_required, reason};
}

/// A proxy that has not been told of WebSockets drops what asks for the upgrade, but not the key.
std::optional<objection> object_to_protocol(const request_head& request) {
    const bool is_upgrade = has_token(request, http::field::connection, "upgrade") &&
                            has_token(request, http::field::upgrade, "websocket");
    const bool has_key = request.count(http::field::sec_websocket_key) > 0;
    if (request.version() < 11)
        return no_websocket(
            "This is a WebSocket chat server: connect with a WebSocket client, by "
            "HTTP/1.1. Behind nginx, set proxy_http_version 1.1 and pass Upgrade and "
            "Connection on.");
    if (request.method() == http::verb::get && is_upgrade)
        return {};
    if (request.method() == http::verb::get && has_key)
        return no_websocket(
            "The request has a Sec-WebSocket-Key, but does not ask for the upgrade: "
            "a proxy must pass it on. For nginx: proxy_http_version 1.1; "
            "proxy_set_header Upgrade $http_upgrade; "
            "proxy_set_header Connection upgrade;");
    return no_websocket("This is a WebSocket chat server: connect with a WebSocket client.");
}

/// What RFC 6455 (4.2.1) asks of the handshake's own fields.
std::optional<objection> object_to_key_and_version(const request_head& request) {
    if (request.count(http::field::sec_websocket_version) != 1)
        return bad_request("A handshake needs one Sec-WebSocket-Version: 13.");
    if (field(request, http::field::sec_websocket_version) != "13")
        return no_websocket("This server speaks version 13 of WebSocket (RFC 6455) only.");
    if (request.count(http::field::sec_websocket_key) != 1)
        return bad_request("A handshake needs one Sec-WebSocket-Key.");
    if (!is_websocket_key(field(request, http::field::sec_websocket_key)))
        return bad_request("The Sec-WebSocket-Key must be 16 bytes in base64.");
    return {};
}

std::optional<objection> object_to_origin(const request_head& request,
                                          const std::optional<web_address>& host,
                                          const handshake_limits& limits) {
    const auto lines = request.count(http::field::origin);
    const bool is_allowed =
        lines == 0 || limits.any_origin ||
        (lines == 1 && is_allowed_origin(field(request, http::field::origin), host, limits));
    if (is_allowed)
        return {};
    counted.struck.add(limit::origin);
    return objection{http::status::forbidden,
                     "Pages of this Origin may not connect (see --allow-origin)."};
}

std::optional<objection> object_to(const request_head& request, const destination& to,
                                   const handshake_limits& limits) {
    if (!to.problem.empty())
        return bad_request(to.problem);
    if (auto against = object_to_protocol(request))
        return against;
    if (!to.host)
        return bad_request("The request names no Host.");
    if (auto against = object_to_key_and_version(request))
        return against;
    return object_to_origin(request, to.host, limits);
}

/// What to say to a client whose request could not be read; nothing when it has left.
std::optional<objection> object_to(error_code unread, bool timed_out) {
    if (timed_out) {
        counted.struck.add(limit::handshake_time);
        return objection{http::status::request_timeout, "The request took too long."};
    }
    if (unread == http::error::header_limit || unread == http::error::buffer_overflow) {
        counted.struck.add(limit::header_bytes);
        return objection{http::status::request_header_fields_too_large, "The request is too long."};
    }
    const bool has_left = unread == http::error::end_of_stream ||
                          unread == http::error::partial_message ||
                          unread.category() != make_error_code(http::error::bad_method).category();
    if (has_left)
        return {};
    return bad_request("This is not an HTTP request.");
}

// Shared with the timer's handler, which may run after the reading.
struct read_deadline {
    loop_timer at;
    bool struck = false;
};

// Cancels the reading when its time is over, and then until it ends: a read that has just got something
// is not there to be cancelled, and Beast begins the next.
void cut_off_at(std::shared_ptr<read_deadline> deadline, wire& out, const bool& reading,
                std::shared_ptr<void> owner) {
    auto& at = deadline->at;
    at.async_wait([deadline = std::move(deadline), &out, &reading,
                   owner = std::move(owner)](error_code cancelled) {
        if (cancelled || !reading)
            return;
        deadline->struck = true;
        out.cancel();
        deadline->at.expires_after(until_the_next_read);
        cut_off_at(deadline, out, reading, owner);
    });
}

} // namespace

bool is_allowed_origin(std::string_view origin, const std::optional<web_address>& host,
                       const handshake_limits& limits) {
    if (limits.any_origin)
        return true;
    const auto page = parse_origin(origin);
    if (!page)
        return false;
    return is_loopback(*page) || (host && is_same_host(*page, *host)) ||
           std::ranges::find(limits.allowed_origins, *page) != limits.allowed_origins.end();
}

bool is_websocket_key(std::string_view text) {
    constexpr std::size_t digits = 22; // 21 for 126 bits, and one for the last two
    // That digit may have any value: it has spare bits, which are set in the RFC's own example.
    return text.size() == digits + 2 && text.ends_with("==") &&
           std::ranges::all_of(text.substr(0, digits), [](char c) {
               return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                      c == '+' || c == '/';
           });
}

task<std::optional<request_head>> receive_upgrade(wire& out, std::shared_ptr<void> owner,
                                                  const handshake_limits& limits, bool& reading) {
    reading = true;
    const auto deadline =
        std::make_shared<read_deadline>(read_deadline{loop_timer{out.get_executor(), limits.time}});
    cut_off_at(deadline, out, reading, owner);
    beast::flat_buffer buffer{max_header_bytes};
    // Not in the frame: Asio reuses an ended frame for the next task, and one that stays as long as its
    // client should not sit in one this large.
    const auto parser = std::make_unique<http::request_parser<http::empty_body>>();
    parser->header_limit(max_header_bytes);
    const auto [error, size] =
        co_await http::async_read_header(out, buffer, *parser, asio::as_tuple(use_task));
    reading = false;
    deadline->at.cancel();
    auto& request = parser->get();
    const auto to = error ? destination{} : destination_of(request);
    auto against = error ? object_to(error, deadline->struck) : object_to(request, to, limits);
    // Beast's accept would lose what has come already, and RFC 6455 (4.1) forbids to send so early.
    if (!error && !against && buffer.size() > 0)
        against = bad_request("Await the answer before you go on.");
    if (against)
        co_await turn_away(out, owner, *against);
    if (error)
        spdlog::debug("no handshake reason=\"{}\"", error.message());
    if (error || against)
        co_return std::nullopt;
    // Beast would read only the first line of each list.
    request.set(http::field::connection, "upgrade");
    request.set(http::field::upgrade, "websocket");
    request.target(to.target);
    co_return parser->release();
}

task<> turn_away(wire& out, std::shared_ptr<void> owner, objection against) {
    log_refusal(against);
    http::response<http::string_body> answer{against.status, 11};
    answer.set(http::field::server, "chat-server");
    answer.set(http::field::content_type, "text/plain");
    answer.keep_alive(false);
    if (against.status == http::status::upgrade_required) {
        answer.set(http::field::upgrade, "websocket");
        answer.set(http::field::connection, "upgrade, close");
        answer.set(http::field::sec_websocket_version, "13");
    }
    answer.body() = against.reason;
    answer.body() += '\n';
    answer.prepare_payload();
    co_await http::async_write(out, answer, asio::as_tuple(use_task));
    co_await out.linger(owner, time_to_read_it);
}

void log_refusal(const objection& against) {
    spdlog::info("turned away status={} reason=\"{}\"", static_cast<unsigned>(against.status),
                 against.reason);
}

} // namespace chat
