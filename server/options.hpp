// The command line of chat-server.
#pragma once

#include "server/chat/message_buffer.hpp"
#include "server/chat/session.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <variant>

namespace chat {

struct server_options {
    asio::ip::tcp::endpoint endpoint;
    message_buffer::limits history;
    std::size_t max_clients = 10'000;
    session_limits session;
    std::chrono::milliseconds stall_after{250};
    std::chrono::milliseconds starve_after{2000};
    bool exit_on_stall = false;
    std::string log_level = "info";
};

/// The options, or the exit code with which the program ends now: 0 after --help and --version
/// (printed on stdout), 2 after one line on stderr that says what is wrong.
std::variant<server_options, int> parse_server_options(int argc, char** argv);

} // namespace chat
