#include "client/connection/connection.hpp"

#include "client/foreign_text.hpp"
#include "client/spawn.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <spdlog/fmt/fmt.h>

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <memory>
#include <system_error>
#include <tuple>
#include <utility>

namespace chat::load {

namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

namespace {

// The example nonce of RFC 6455, section 1.3, and its answer. A random nonce protects against caches
// between client and server. A load test has no such cache, so the nonce can be constant.
constexpr std::string_view handshake_key = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr std::string_view handshake_accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Above this much unsent data we stop queueing pongs: the server is not reading, and they only cost memory.
constexpr std::size_t max_owed_pongs = 64 * 1024;

/// Runs an action when the time limit expires, unless dismissed before.
class expiry {
public:
    expiry(loop_executor loop, nanoseconds limit, std::function<void()> action)
        : timer_{loop, limit} {
        timer_.async_wait([action = std::move(action), state = state_](error_code) {
            if (std::exchange(*state, over) == running)
                action();
        });
    }

    expiry(const expiry&) = delete;
    expiry& operator=(const expiry&) = delete;

    ~expiry() { dismiss(); }

    /// Cancels the action. Returns true if the action has already run.
    bool dismiss() { return std::exchange(*state_, dismissed) == over; }

private:
    enum phase { running, over, dismissed };

    loop_timer timer_;
    std::shared_ptr<phase> state_ = std::make_shared<phase>(running);
};

handshake_result failed(error_code error) {
    handshake_result result;
    if (error == asio::error::connection_refused)
        result.outcome = handshake_outcome::refused;
    result.detail = error.message();
    return result;
}

handshake_result too_late(nanoseconds limit) {
    handshake_result result;
    result.outcome = handshake_outcome::timed_out;
    result.detail = "no answer within " + format_duration(limit);
    return result;
}

http::request<http::empty_body> upgrade_request(const std::string& host,
                                                const std::string& target) {
    http::request<http::empty_body> request{http::verb::get, target, 11};
    request.set(http::field::host, host);
    request.set(http::field::upgrade, "websocket");
    request.set(http::field::connection, "Upgrade");
    request.set(http::field::sec_websocket_key, handshake_key);
    request.set(http::field::sec_websocket_version, "13");
    request.set(http::field::user_agent, "chat-load");
    return request;
}

handshake_result judge(const http::response_header<>& answer) {
    handshake_result result;
    result.outcome = handshake_outcome::rejected;
    result.software = shortened(std::string_view{answer[http::field::server]});
    if (answer.result() != http::status::switching_protocols)
        result.detail =
            fmt::format("HTTP {} {}", answer.result_int(), std::string_view{answer.reason()});
    else if (answer[http::field::sec_websocket_accept] != handshake_accept)
        result.detail = "a wrong Sec-WebSocket-Accept";
    else
        result.outcome = handshake_outcome::completed;
    return result;
}

close_reason read_close(std::string_view payload) {
    if (payload.size() < 2)
        return {};
    const auto byte = [&](std::size_t at) {
        return static_cast<unsigned>(static_cast<unsigned char>(payload[at]));
    };
    return {.code = static_cast<std::uint16_t>(byte(0) << 8 | byte(1)),
            .reason = std::string{payload.substr(2)}};
}

} // namespace

std::string server_address::target(std::string_view name) const {
    return query.empty() ? fmt::format("{}?name={}", path, name)
                         : fmt::format("{}?{}", path, query);
}

std::string to_string(const asio::ip::tcp::endpoint& endpoint) {
    const auto address = endpoint.address().to_string();
    return endpoint.address().is_v6() ? fmt::format("[{}]:{}", address, endpoint.port())
                                      : fmt::format("{}:{}", address, endpoint.port());
}

std::string to_string(const close_reason& closed) {
    if (closed.code == close_reason::none_given)
        return "closed by the server";
    return closed.reason.empty()
               ? fmt::format("closed by the server ({})", closed.code)
               : fmt::format("closed by the server ({} {})", closed.code, closed.reason);
}

connection::connection(asio::io_context& loop, poller& sockets, read_buffer& shared)
    : loop_{loop}
    , sockets_{sockets}
    , socket_{loop.get_executor()}
    , events_{loop.get_executor()}
    , shared_{shared} {}

task<handshake_result> connection::open(const server_address& server, std::string target,
                                        nanoseconds limit, int receive_buffer) {
    if (!ending_.empty()) // dropped before it began
        co_return failed(asio::error::operation_aborted);
    expiry deadline{loop_.get_executor(), limit, [this] { drop(); }};
    auto result =
        co_await shake_hands(server, std::move(target), clock::now() + limit, receive_buffer);
    if (deadline.dismiss())
        result = too_late(limit);
    if (result.outcome != handshake_outcome::completed)
        end(result.detail);
    co_return result;
}

task<handshake_result> connection::connect(asio::ip::tcp::endpoint endpoint, nanoseconds limit,
                                           int receive_buffer) {
    error_code error;
    socket_.open(endpoint.protocol(), error);
    if (!error && receive_buffer > 0)
        socket_.set_option(asio::socket_base::receive_buffer_size{receive_buffer}, error);
    if (error)
        co_return failed(error);
    expiry deadline{loop_.get_executor(), limit, [this] {
                        error_code ignored;
                        socket_.close(ignored);
                    }};
    std::tie(error) = co_await socket_.async_connect(endpoint, asio::as_tuple(use_task));
    if (deadline.dismiss())
        co_return too_late(limit);
    if (!error)
        socket_.set_option(asio::ip::tcp::no_delay{true}, error);
    if (error)
        co_return failed(error);
    handshake_result result;
    result.outcome = handshake_outcome::completed;
    result.endpoint = endpoint;
    co_return result;
}

task<handshake_result> connection::connect_to_any(const server_address& server, time_point deadline,
                                                  int receive_buffer) {
    handshake_result result;
    auto left = static_cast<int>(server.endpoints.size());
    for (const auto& endpoint : server.endpoints) {
        // Limit each attempt, so that an address that does not respond leaves time for the next ones.
        const auto share = (deadline - clock::now()) / left--;
        const auto attempt = co_await connect(endpoint, share, receive_buffer);
        if (attempt.outcome == handshake_outcome::completed || !ending_.empty())
            co_return attempt;
        // The outcome is "refused" only if all addresses refuse. Any other outcome says more.
        const bool is_first = result.detail.empty();
        if (is_first || attempt.outcome != handshake_outcome::refused)
            result.outcome = attempt.outcome;
        result.detail += (is_first ? "" : ", ") + attempt.detail;
        error_code ignored;
        socket_.close(ignored);
    }
    co_return result;
}

task<handshake_result> connection::shake_hands(const server_address& server, std::string target,
                                               time_point deadline, int receive_buffer) {
    const auto connected = co_await connect_to_any(server, deadline, receive_buffer);
    if (connected.outcome != handshake_outcome::completed)
        co_return connected;

    const auto request = upgrade_request(server.host, target);
    error_code error;
    std::size_t bytes = 0;
    std::tie(error, bytes) = co_await http::async_write(socket_, request, asio::as_tuple(use_task));
    if (error)
        co_return failed(error);
    beast::flat_buffer buffer{16 * 1024};
    http::response_parser<http::empty_body> answer;
    std::tie(error, bytes) =
        co_await http::async_read_header(socket_, buffer, answer, asio::as_tuple(use_task));
    if (error)
        co_return failed(error);
    if (!socket_.is_open()) // drop() was called while the response was arriving
        co_return failed(asio::error::operation_aborted);
    auto result = judge(answer.get().base());
    result.endpoint = connected.endpoint;
    if (result.outcome == handshake_outcome::completed) {
        // Bytes after the response are the first frames.
        partial_.assign(static_cast<const char*>(buffer.cdata().data()), buffer.size());
        adopt(socket_.release());
    }
    co_return result;
}

void connection::adopt(int descriptor) {
    descriptor_ = descriptor;
    sockets_.watch(descriptor_, events_);
}

task<bool> connection::readable() {
    // The first frames may have arrived together with the handshake response.
    const bool only_partial = read_frame(partial_, shared_.size()).state == framing::partial;
    // Always suspend once. Otherwise a server that sends faster than we read would occupy the thread: no
    // timer would fire, and Ctrl-C would have no effect.
    if (may_have_more_ && is_open())
        events_.readable.notify();
    if (only_partial && is_open())
        co_await events_.readable.wait();
    co_return is_open() && read_some();
}

bool connection::read_some() {
    std::ranges::copy(partial_, shared_.begin());
    const auto kept = partial_.size();
    partial_.clear();
    const auto received =
        ::recv(descriptor_, shared_.data() + kept, shared_.size() - kept, MSG_DONTWAIT);
    unread_ = {shared_.data(), kept + static_cast<std::size_t>(std::max<ssize_t>(received, 0))};
    // If the read left room in the buffer, the socket is empty, and new data triggers an event.
    may_have_more_ = unread_.size() == shared_.size() || (received > 0 && events_.peer_ended);
    if (received > 0 || (received < 0 && errno == EAGAIN && broken_.empty()))
        return true;
    const auto why = received == 0     ? "closed without a close frame"
                     : errno == EAGAIN ? broken_
                                       : std::generic_category().message(errno);
    end(why);
    return !unread_.empty();
}

std::optional<frame> connection::next_frame() {
    const auto next = read_frame(unread_, shared_.size());
    if (next.state == framing::whole) {
        unread_.remove_prefix(next.size);
        answer_control(next.content);
        return next.content;
    }
    if (next.state == framing::broken)
        end(fmt::format("the server sent {}", next.problem));
    else
        partial_.assign(unread_);
    unread_ = {};
    return {};
}

void connection::answer_control(const frame& control) {
    if (control.op == opcode::ping && backlog() < max_owed_pongs)
        send(opcode::pong, control.payload);
    if (control.op == opcode::close) {
        closed_by_server_ = read_close(control.payload);
        send(opcode::close, control.payload.substr(0, 2));
        // The close frame says more than a reset that may have arrived first.
        ending_ = to_string(*closed_by_server_);
        end(ending_);
    }
}

task<bool> connection::receives_text(nanoseconds limit) {
    expiry deadline{loop_.get_executor(), limit, [this] { drop(); }};
    bool heard = false;
    while (!heard && co_await readable())
        while (const auto next = next_frame())
            heard = heard || next->op == opcode::text;
    co_return heard;
}

task<bool> connection::drains_to_end(nanoseconds limit) {
    const int ample = 1 << 20;
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &ample, sizeof ample);
    expiry deadline{loop_.get_executor(), limit, [this] { drop(); }};
    while (co_await readable())
        while (next_frame()) {
        }
    co_return !deadline.dismiss();
}

void connection::send(opcode op, std::string_view payload) {
    add(op, payload);
    flush();
}

void connection::add(opcode op, std::string_view payload) {
    if (!is_open() || !broken_.empty())
        return;
    mask_ = mask_ * 1664525 + 1013904223;
    append_masked_frame(outbox_, op, payload, mask_);
}

void connection::flush() {
    if (flushing_ || outbox_.empty())
        return;
    write_some();
    if (!outbox_.empty()) {
        flushing_ = true;
        spawn(loop_, write_the_rest());
    }
}

void connection::write_some() {
    const auto sent =
        ::send(descriptor_, outbox_.data(), outbox_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0)
        outbox_.erase(0, static_cast<std::size_t>(sent));
    else if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        // If the server closes while we send, the connection is reset. The close frame has arrived
        // before the reset, so the reader continues until the end.
        broken_ = std::generic_category().message(errno);
        outbox_.clear();
        events_.readable.notify();
    }
}

task<> connection::write_the_rest() {
    while (!outbox_.empty()) {
        co_await events_.writable.wait();
        if (is_open())
            write_some();
    }
    flushing_ = false;
}

void connection::send_close() {
    constexpr std::string_view normal{"\x03\xE8", 2};
    send(opcode::close, normal);
}

void connection::drop() {
    end("left");
}

void connection::end(std::string why) {
    if (ending_.empty())
        ending_ = std::move(why);
    outbox_.clear();
    error_code ignored;
    socket_.close(ignored);
    if (is_open())
        ::close(std::exchange(descriptor_, -1));
    events_.readable.notify();
    events_.writable.notify();
}

} // namespace chat::load
