// One WebSocket connection of the load client: Beast's HTTP for the handshake, frames of our own
// afterwards (framing.hpp says why). Loop thread only. Including this does not include Beast.
#pragma once

#include "client/connection/framing.hpp"
#include "client/connection/poller.hpp"
#include "client/time.hpp"
#include "server/loop/loop_executor.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace chat::load {

using tcp_socket = asio::basic_stream_socket<asio::ip::tcp, loop_executor>;

/// Where all connections of a run go.
struct server_address {
    /// All that the name stands for, to be tried in this order. When the first client has joined, only
    /// the one that accepted it is left.
    std::vector<asio::ip::tcp::endpoint> endpoints;
    std::string host; ///< for the Host header
    std::string path = "/";
    std::string query = {}; ///< instead of a client's name, if there is one

    /// The request target of the client with this name.
    std::string target(std::string_view name) const;
};

/// `[::1]:8080`
std::string to_string(const asio::ip::tcp::endpoint& endpoint);

enum class handshake_outcome {
    completed,
    refused,   ///< nothing listens
    timed_out, ///< the kernel took the connection, or not even that, but no answer came
    rejected,  ///< an HTTP answer, but not "switching protocols"
    broken     ///< closed, reset, or an answer that is not HTTP
};

struct handshake_result {
    handshake_outcome outcome = handshake_outcome::broken;
    std::string detail = {};   ///< for people
    std::string software = {}; ///< of whatever answered: its Server header
    asio::ip::tcp::endpoint endpoint{};
};

/// What a close frame says.
struct close_reason {
    static constexpr std::uint16_t none_given = 1005; // RFC 6455, 7.4.1

    std::uint16_t code = none_given;
    std::string reason = {};

    auto operator<=>(const close_reason&) const = default;
};

/// `closed by the server (1013 server is full)`
std::string to_string(const close_reason& closed);

/// What all connections read into, one after the other: 10,000 connections need no 10,000 buffers.
using read_buffer = std::vector<char>;
inline constexpr std::size_t read_buffer_bytes = 256 * 1024;

class connection {
public:
    connection(asio::io_context& loop, poller& sockets, read_buffer& shared);
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    ~connection() { drop(); }

    /// Connects to the first address that accepts, and shakes hands, all within `limit`. A
    /// `receive_buffer` in bytes makes the kernel advertise a small window; 0 leaves it alone.
    task<handshake_result> open(const server_address& server, std::string target, nanoseconds limit,
                                int receive_buffer = 0);

    /// A connection whose handshake is over; closes it in the end.
    void adopt(int descriptor);

    /// Waits until something arrives, and reads it; false when the connection has ended. Then take
    /// all next_frame() before suspending: the bytes lie in the shared buffer.
    task<bool> readable();
    std::optional<frame> next_frame();

    /// Reads until a text frame comes; true if one did within `limit`.
    task<bool> hears_something(nanoseconds limit);

    /// Reads and drops whatever comes; true when the server ended the connection within `limit`.
    task<bool> drains_to_end(nanoseconds limit);

    /// Sends at once what the kernel takes, the rest as soon as it takes more.
    void send(opcode op, std::string_view payload);

    /// Adds to what the next send() or flush() sends.
    void add(opcode op, std::string_view payload);
    void flush();

    /// Bytes that the kernel has not taken yet.
    std::size_t backlog() const { return outbox_.size(); }

    /// Sends a close frame; the connection ends when the server answers it.
    void say_goodbye();
    void drop();

    bool is_open() const { return descriptor_ >= 0; }

    /// Why it ended, for people: `closed by the server (1013 server is full)`, `reset`…
    const std::string& ending() const { return ending_; }

    /// The server's close frame, if that is how the connection ended.
    const std::optional<close_reason>& closed_by_server() const { return closed_by_server_; }

private:
    task<handshake_result> shake_hands(const server_address& server, std::string target,
                                       time_point deadline, int receive_buffer);
    task<handshake_result> connect_to_any(const server_address& server, time_point deadline,
                                          int receive_buffer);
    task<handshake_result> connect(asio::ip::tcp::endpoint endpoint, nanoseconds limit,
                                   int receive_buffer);
    bool read_some();
    void write_some();
    task<> write_the_rest();
    void answer_control(const frame& control);
    void end(std::string why);

    asio::io_context& loop_;
    poller& sockets_;
    tcp_socket socket_;   ///< until the handshake is over
    int descriptor_ = -1; ///< afterwards
    socket_events events_;
    read_buffer& shared_;
    std::string_view unread_; ///< in the shared buffer: what next_frame() takes from
    std::string partial_;     ///< the beginning of a frame whose rest has not arrived
    std::string outbox_;
    std::string broken_; ///< why sending failed; what the server said before is still to be read
    std::string ending_;
    std::optional<close_reason> closed_by_server_;
    std::uint32_t mask_ = 0x9E3779B9;
    bool flushing_ = false;
    bool may_have_more_ = false; ///< the last read filled the buffer
};

} // namespace chat::load
