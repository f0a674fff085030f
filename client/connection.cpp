#include "client/connection.hpp"

#include "client/spawn.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <spdlog/fmt/fmt.h>

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>
#include <tuple>
#include <utility>

namespace chat::load {

namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

namespace {

// The nonce and its answer from RFC 6455, section 1.3. It need not be random here: it protects
// against caches between client and server, and a load test has none.
constexpr std::string_view handshake_key = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr std::string_view handshake_accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Ends the connection when the time is over, whatever waits on it; does nothing once dismissed.
class expiry {
public:
    expiry(connection& limited, loop_executor loop, nanoseconds limit)
        : timer_{loop, limit} {
        timer_.async_wait([&limited, state = state_](error_code) {
            if (std::exchange(*state, over) == running)
                limited.drop();
        });
    }

    expiry(const expiry&) = delete;
    expiry& operator=(const expiry&) = delete;

    ~expiry() { dismiss(); }

    /// True when it was too late.
    bool dismiss() { return std::exchange(*state_, dismissed) == over; }

private:
    enum phase { running, over, dismissed };

    asio::basic_waitable_timer<clock, asio::wait_traits<clock>, loop_executor> timer_;
    std::shared_ptr<phase> state_ = std::make_shared<phase>(running);
};

handshake_result failed(error_code error) {
    if (error == asio::error::connection_refused)
        return {.outcome = handshake_outcome::refused, .detail = error.message()};
    return {.outcome = handshake_outcome::broken, .detail = error.message()};
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
    if (answer.result() != http::status::switching_protocols)
        return {.outcome = handshake_outcome::rejected,
                .detail = fmt::format("HTTP {} {}", answer.result_int(),
                                      std::string_view{answer.reason()})};
    if (answer[http::field::sec_websocket_accept] != handshake_accept)
        return {.outcome = handshake_outcome::rejected, .detail = "a wrong Sec-WebSocket-Accept"};
    return {.outcome = handshake_outcome::completed, .detail = ""};
}

std::string describe_close(std::string_view payload) {
    if (payload.size() < 2)
        return "closed by the server";
    const auto code =
        static_cast<unsigned char>(payload[0]) << 8 | static_cast<unsigned char>(payload[1]);
    return fmt::format("closed by the server ({} {})", code, payload.substr(2));
}

} // namespace

connection::connection(asio::io_context& loop, poller& sockets, read_buffer& shared)
    : loop_{loop}
    , sockets_{sockets}
    , socket_{loop.get_executor()}
    , events_{loop.get_executor()}
    , shared_{shared} {}

task<handshake_result> connection::open(const server_address& server, std::string target,
                                        nanoseconds limit, int receive_buffer) {
    expiry deadline{*this, loop_.get_executor(), limit};
    auto result = co_await shake_hands(server, std::move(target), receive_buffer);
    if (deadline.dismiss())
        result = {.outcome = handshake_outcome::timed_out,
                  .detail = "no answer within " + format_duration(limit)};
    if (result.outcome != handshake_outcome::completed)
        end(result.detail);
    co_return result;
}

task<handshake_result> connection::shake_hands(const server_address& server, std::string target,
                                               int receive_buffer) {
    error_code error;
    socket_.open(server.endpoint.protocol(), error);
    if (!error && receive_buffer > 0)
        socket_.set_option(asio::socket_base::receive_buffer_size{receive_buffer}, error);
    if (error)
        co_return failed(error);
    std::tie(error) = co_await socket_.async_connect(server.endpoint, asio::as_tuple(use_task));
    if (!error)
        socket_.set_option(asio::ip::tcp::no_delay{true}, error);
    if (error)
        co_return failed(error);

    const auto request = upgrade_request(server.host, target);
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
    if (!socket_.is_open()) // dropped when its answer was on its way already
        co_return failed(asio::error::operation_aborted);
    const auto result = judge(answer.get().base());
    if (result.outcome == handshake_outcome::completed) {
        // What came behind the answer is already the first frames.
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
    // The answer to the handshake may have brought the first frames along.
    const bool only_partial = read_frame(partial_, shared_.size()).state == framing::partial;
    if (only_partial && !may_have_more_ && is_open())
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
    // Less than there was room for: that was all, and what comes next is an event.
    may_have_more_ = unread_.size() == shared_.size() || (received > 0 && events_.peer_ended);
    if (received > 0 || (received < 0 && errno == EAGAIN))
        return true;
    end(received == 0 ? "closed without a close frame" : std::generic_category().message(errno));
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
    if (control.op == opcode::ping)
        send(opcode::pong, control.payload);
    if (control.op == opcode::close) {
        send(opcode::close, control.payload.substr(0, 2));
        end(describe_close(control.payload));
    }
}

task<bool> connection::drains_to_end(nanoseconds limit) {
    const int ample = 1 << 20;
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &ample, sizeof ample);
    expiry deadline{*this, loop_.get_executor(), limit};
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
    if (!is_open())
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
    else if (sent < 0 && errno != EAGAIN && errno != EINTR)
        end(std::generic_category().message(errno));
}

task<> connection::write_the_rest() {
    while (!outbox_.empty()) {
        co_await events_.writable.wait();
        if (is_open())
            write_some();
    }
    flushing_ = false;
}

void connection::say_goodbye() {
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

task<handshake_result> try_handshake(asio::io_context& loop, poller& sockets, server_address server,
                                     nanoseconds limit) {
    read_buffer unused;
    connection probe{loop, sockets, unused};
    auto result = co_await probe.open(server, "/?name=load-probe", limit);
    probe.say_goodbye();
    probe.drop();
    co_return result;
}

} // namespace chat::load
