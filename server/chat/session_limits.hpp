// Limits for a handshake and for a client. Plain values from the command line.
#pragma once

#include "server/http/web_address.hpp"

#include <chrono>
#include <cstddef>
#include <vector>

namespace chat {

struct handshake_limits {
    std::chrono::milliseconds time{5'000};
    /// Allowed in addition to loopback and the server's own host and port.
    std::vector<web_origin> allowed_origins;
    bool any_origin = false;
};

/// Limits for a single client.
struct session_limits {
    std::size_t max_message_bytes = 16384;
    std::size_t max_rate = 0; ///< messages per second; 0: no limit
    handshake_limits handshake;
    bool echo = false; ///< serve /echo, for test suites
    std::chrono::milliseconds idle_timeout{60'000};
    std::chrono::milliseconds write_timeout{10'000};
};

} // namespace chat
