// One WebSocket connection of the load client. Beast does the HTTP handshake; framing.hpp reads and
// writes the frames, and says why. Loop thread only. This header does not include Beast.
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

/// The server that all connections of a run connect to.
struct server_address {
    /// All addresses of the host name, in the order to try them. After the first client has joined, only
    /// the address that accepted it remains.
    std::vector<asio::ip::tcp::endpoint> endpoints;
    std::string host; ///< value of the Host header
    std::string path = "/";
    std::string query = {}; ///< if not empty, sent instead of `name=...`

    /// Returns the request target for the client with this name.
    std::string target(std::string_view name) const;
};

/// Returns, for example, `[::1]:8080`.
std::string to_string(const asio::ip::tcp::endpoint& endpoint);

enum class handshake_outcome {
    completed,
    refused,   ///< nothing is listening
    timed_out, ///< no response in time, whether or not the connection was accepted
    rejected,  ///< an HTTP response other than "switching protocols"
    broken     ///< closed, reset, or a response that is not HTTP
};

struct handshake_result {
    handshake_outcome outcome = handshake_outcome::broken;
    std::string detail = {};   ///< human-readable
    std::string software = {}; ///< the Server header of the response
    asio::ip::tcp::endpoint endpoint{};
};

/// The content of a close frame.
struct close_reason {
    static constexpr std::uint16_t none_given = 1005; // RFC 6455, 7.4.1

    std::uint16_t code = none_given;
    std::string reason = {};

    auto operator<=>(const close_reason&) const = default;
};

/// Returns, for example, `closed by the server (1013 server is full)`.
std::string to_string(const close_reason& closed);

/// One buffer for the reads of all connections, used by one connection at a time, so that 10,000
/// connections do not need 10,000 buffers.
using read_buffer = std::vector<char>;
inline constexpr std::size_t read_buffer_bytes = 256 * 1024;

class connection {
public:
    connection(asio::io_context& loop, poller& sockets, read_buffer& shared);
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    ~connection() { drop(); }

    /// Connects to the first address that accepts, and completes the handshake, all within `limit`. A
    /// small `receive_buffer`, in bytes, makes the kernel advertise a small window; 0 keeps the default.
    task<handshake_result> open(const server_address& server, std::string target, nanoseconds limit,
                                int receive_buffer = 0);

    /// Takes ownership of a socket whose handshake is complete.
    void adopt(int descriptor);

    /// Waits until data arrives, and reads it. Returns false if the connection has ended. The data is in
    /// the shared buffer, so call next_frame() until it returns nothing before suspending again.
    task<bool> readable();
    std::optional<frame> next_frame();

    /// Reads until a text frame arrives. Returns true if one did within `limit`.
    task<bool> receives_text(nanoseconds limit);

    /// Reads and discards all data. Returns true if the server ended the connection within `limit`.
    task<bool> drains_to_end(nanoseconds limit);

    /// Sends as much as the kernel accepts now, and the rest when the socket becomes writable.
    void send(opcode op, std::string_view payload);

    /// Queues a frame for the next send() or flush().
    void add(opcode op, std::string_view payload);
    void flush();

    /// Returns how many bytes the kernel has not accepted yet.
    std::size_t backlog() const { return outbox_.size(); }

    /// Sends a close frame. The connection ends when the server's close frame arrives.
    void send_close();
    void drop();

    bool is_open() const { return descriptor_ >= 0; }

    /// Returns why the connection ended, in words: `closed by the server (1013 server is full)`.
    const std::string& ending() const { return ending_; }

    /// Returns the server's close frame, if one ended the connection.
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
    tcp_socket socket_;   ///< until the handshake is complete
    int descriptor_ = -1; ///< afterwards
    socket_events events_;
    read_buffer& shared_;
    std::string_view unread_; ///< the part of the shared buffer that next_frame() reads from
    std::string partial_;     ///< the start of a frame that has not fully arrived
    std::string outbox_;
    std::string broken_; ///< why sending failed; data that arrived before is still read
    std::string ending_;
    std::optional<close_reason> closed_by_server_;
    std::uint32_t mask_ = 0x9E3779B9;
    bool flushing_ = false;
    bool may_have_more_ = false; ///< the last read filled the buffer
};

} // namespace chat::load
