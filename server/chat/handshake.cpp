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
// By then a refused client has read its answer, or never will.
constexpr std::chrono::milliseconds time_to_read_answer{500};
constexpr std::chrono::milliseconds until_next_cancel{10};

std::string_view field(const request_head& request, http::field name) {
    const auto value = request[name];
    return {value.data(), value.size()};
}

objection bad_request(std::string_view reason) {
    counted.limit_hits.add(limit::bad_request);
    return {http::status::bad_request, reason};
}

objection no_websocket(std::string_view reason) {
    counted.refused_no_websocket.add();
    return {http::status::upgrade_required, reason};
}

/// Objects to a request that does not ask for a WebSocket. A proxy that is not configured for
/// WebSockets drops the upgrade headers, but keeps the key.
std::optional<objection> object_to_protocol(const request_head& request) {
    const bool is_upgrade = has_token(request, http::field::connection, "upgrade") &&
                            has_token(request, http::field::upgrade, "websocket");
    const bool has_key = request.count(http::field::sec_websocket_key) > 0;
    if (request.version() < 11)
        return no_websocket(
            "This is a WebSocket chat server: connect with a WebSocket client over "
            "HTTP/1.1. Behind nginx, set proxy_http_version 1.1 and forward Upgrade and "
            "Connection.");
    if (request.method() == http::verb::get && is_upgrade)
        return {};
    if (request.method() == http::verb::get && has_key)
        return no_websocket(
            "The request has a Sec-WebSocket-Key, but does not ask for the upgrade: "
            "a proxy must forward it. For nginx: proxy_http_version 1.1; "
            "proxy_set_header Upgrade $http_upgrade; "
            "proxy_set_header Connection upgrade;");
    return no_websocket("This is a WebSocket chat server: connect with a WebSocket client.");
}

/// Checks the handshake's own fields as RFC 6455 (4.2.1) requires.
std::optional<objection> object_to_key_and_version(const request_head& request) {
    if (request.count(http::field::sec_websocket_version) != 1)
        return bad_request("A handshake needs exactly one Sec-WebSocket-Version: 13.");
    if (field(request, http::field::sec_websocket_version) != "13")
        return no_websocket("This server supports only version 13 of WebSocket (RFC 6455).");
    if (request.count(http::field::sec_websocket_key) != 1)
        return bad_request("A handshake needs exactly one Sec-WebSocket-Key.");
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
    counted.limit_hits.add(limit::origin);
    return objection{http::status::forbidden,
                     "Pages from this Origin may not connect (see --allow-origin)."};
}

std::optional<objection> object_to(const request_head& request, const destination& to,
                                   const handshake_limits& limits) {
    if (!to.problem.empty())
        return bad_request(to.problem);
    if (auto against = object_to_protocol(request))
        return against;
    if (!to.host)
        return bad_request("The request has no Host header.");
    if (auto against = object_to_key_and_version(request))
        return against;
    return object_to_origin(request, to.host, limits);
}

/// Returns the answer to a client whose request could not be read; nothing if the client left.
std::optional<objection> object_to(error_code unread, bool timed_out) {
    if (timed_out) {
        counted.limit_hits.add(limit::handshake_time);
        return objection{http::status::request_timeout, "The request took too long."};
    }
    if (unread == http::error::header_limit || unread == http::error::buffer_overflow) {
        counted.limit_hits.add(limit::header_bytes);
        return objection{http::status::request_header_fields_too_large, "The request is too long."};
    }
    const bool has_left = unread == http::error::end_of_stream ||
                          unread == http::error::partial_message ||
                          unread.category() != make_error_code(http::error::bad_method).category();
    if (has_left)
        return {};
    return bad_request("This is not an HTTP request.");
}

// Shared with the timer's handler, which may run after reading has ended.
struct read_deadline {
    loop_timer at;
    bool has_passed = false;
};

// Cancels reading at the deadline, and again until reading ends: a read that has just received data
// cannot be cancelled, and Beast starts the next one.
void cut_off_at(std::shared_ptr<read_deadline> deadline, wire& out, const bool& reading,
                std::shared_ptr<void> owner) {
    auto& at = deadline->at;
    at.async_wait([deadline = std::move(deadline), &out, &reading,
                   owner = std::move(owner)](error_code cancelled) {
        if (cancelled || !reading)
            return;
        deadline->has_passed = true;
        out.cancel();
        deadline->at.expires_after(until_next_cancel);
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
    // The last digit may have any value, because its spare bits are set in the RFC's own example.
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
    // On the heap, not in the coroutine frame: Asio reuses the memory of an ended frame for the next
    // task, and a task that lasts as long as its client should not occupy a block this large.
    const auto parser = std::make_unique<http::request_parser<http::empty_body>>();
    parser->header_limit(max_header_bytes);
    const auto [error, size] =
        co_await http::async_read_header(out, buffer, *parser, asio::as_tuple(use_task));
    reading = false;
    deadline->at.cancel();
    auto& request = parser->get();
    const auto to = error ? destination{} : destination_of(request);
    auto against = error ? object_to(error, deadline->has_passed) : object_to(request, to, limits);
    // Beast's accept would lose data that has already arrived, and RFC 6455 (4.1) forbids a client to
    // send any before the response.
    if (!error && !against && buffer.size() > 0)
        against = bad_request("Wait for the handshake response before you send data.");
    if (against)
        co_await turn_away(out, owner, *against);
    if (error)
        spdlog::debug("handshake failed reason=\"{}\"", error.message());
    if (error || against)
        co_return std::nullopt;
    // Beast would read only the first of several Connection or Upgrade headers.
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
    co_await out.linger(owner, time_to_read_answer);
}

void log_refusal(const objection& against) {
    spdlog::info("turned away status={} reason=\"{}\"", static_cast<unsigned>(against.status),
                 against.reason);
}

} // namespace chat
