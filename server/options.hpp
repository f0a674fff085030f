// The command line of chat-server.
#pragma once

#include "server/chat/admission.hpp"
#include "server/chat/message_buffer.hpp"
#include "server/chat/session_limits.hpp"
#include "server/watch/fault.hpp"
#include "server/watch/lock_check.hpp"
#include "server/watch/verdict.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace chat {

struct server_options {
    asio::ip::tcp::endpoint endpoint;
    message_buffer::limits history;
    admission::limits clients;
    session_limits session;
    std::optional<asio::ip::tcp::endpoint> admin; ///< empty: no admin plane
    std::vector<std::string> admin_hosts;         ///< normalised by parse_address()
    patience limits{.stall_after = std::chrono::milliseconds{250},
                    .starve_after = std::chrono::seconds{2}};
    bool exit_on_stall = false;
    lock_check::mode check_locks = lock_check::mode::off;
    chat::fault fault = chat::fault::none;
    std::string log_level = "info";
};

/// Returns the options, or an exit code if the program should end now: 0 after --help and --version
/// (printed on stdout), 2 after printing one line on stderr that says what is wrong.
std::variant<server_options, int> parse_server_options(int argc, char** argv);

} // namespace chat
