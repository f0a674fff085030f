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
// A client that is turned away has read its answer by then, or never will.
constexpr std::chrono::milliseconds time_to_read_it{500};
constexpr std::chrono::milliseconds until_the_next_read{10};

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
    if (!beast::websocket::is_upgrade(request)) {
        counted.refused_no_websocket.add();
        return objection{http::status::upgrade_required,
                         "This is a WebSocket chat server: connect with a WebSocket client.\n"};
    }
    const bool has_origin = request.find(http::field::origin) != request.end();
    if (has_origin && !is_allowed_origin(field(request, http::field::origin),
                                         field(request, http::field::host), allowed_origins)) {
        counted.struck.add(limit::origin);
        return objection{http::status::forbidden,
                         "Pages of this Origin may not connect (see --allow-origin).\n"};
    }
    return {};
}

/// What to say to a client whose request could not be read; nothing when it has left.
std::optional<objection> object_to(error_code unread, bool timed_out) {
    if (timed_out) {
        counted.struck.add(limit::handshake_time);
        return objection{http::status::request_timeout, "The request took too long.\n"};
    }
    if (unread == http::error::header_limit || unread == http::error::buffer_overflow) {
        counted.struck.add(limit::header_bytes);
        return objection{http::status::request_header_fields_too_large,
                         "The request is too long.\n"};
    }
    const bool has_left = unread == http::error::end_of_stream ||
                          unread == http::error::partial_message ||
                          unread.category() != make_error_code(http::error::bad_method).category();
    if (has_left)
        return {};
    counted.struck.add(limit::bad_request);
    return objection{http::status::bad_request, "This is no HTTP request.\n"};
}

// Shared with the timer's handler, which may run after the reading.
struct read_deadline {
    timer at;
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

bool is_allowed_origin(std::string_view origin, std::string_view host,
                       const std::vector<std::string>& allowed) {
    const auto authority = authority_of(origin);
    const bool listed = std::ranges::any_of(
        allowed, [&](const auto& entry) { return entry == "*" || entry == origin; });
    return listed || (!authority.empty() && (authority == host || is_loopback(authority)));
}

task<std::optional<upgrade_request>> receive_upgrade(wire& out, std::shared_ptr<void> owner,
                                                     const handshake_limits& limits,
                                                     bool& reading) {
    reading = true;
    const auto deadline =
        std::make_shared<read_deadline>(read_deadline{timer{out.get_executor(), limits.time}});
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
    auto against = error ? object_to(error, deadline->struck)
                         : object_to(parser->get(), limits.allowed_origins);
    if (!error && !against && buffer.size() > 0) {
        // Beast's accept would lose them, and RFC 6455 (4.1) forbids to send so early.
        counted.struck.add(limit::bad_request);
        against = objection{http::status::bad_request, "Await the answer before you go on.\n"};
    }
    if (against)
        co_await turn_away(out, owner, *against);
    if (error)
        spdlog::debug("no handshake reason=\"{}\"", error.message());
    if (error || against)
        co_return std::nullopt;
    co_return parser->release();
}

task<> turn_away(wire& out, std::shared_ptr<void> owner, objection against) {
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
    co_await out.linger(owner, time_to_read_it);
}

} // namespace chat
