// Decides what to do about a client that is silent, takes nothing, or does not leave when told to. A pure
// function: no socket, no clock, no thread.
#pragma once

#include "server/chat/session_limits.hpp"

#include <chrono>
#include <optional>

namespace chat {

/// What a session knows about its client at one moment.
struct liveness_signs {
    using time_point = std::chrono::steady_clock::time_point;

    time_point heard{};       ///< the last sign of life
    time_point pinged{};      ///< when the last ping was written; epoch: never
    bool ping_is_out = false; ///< that ping is still waiting for room in the socket
    std::optional<time_point> blocked_since{}; ///< the socket has been full since then
    std::optional<time_point> leaving_since{}; ///< the client has been told to go
    bool holds_up_the_shutdown = false; ///< the others wait for this client before they can leave
};

enum class liveness_step {
    none,
    ping,       ///< ask for a sign of life
    leave_idle, ///< tell the client to go: it did not answer a ping
    leave_slow, ///< tell the client to go: it takes nothing
    close,      ///< close the connection: the client was told to go and did not
    reset,      ///< the same, but its socket is full, so a close would wait
};

/// A client must take something within `write_timeout`, and answer a ping that is sent after half of
/// `idle_timeout` within the other half. A client that was told to go gets 5 s, or 1 s if it takes nothing.
[[nodiscard]] liveness_step next_step(const liveness_signs& seen, const session_limits& limits,
                                      liveness_signs::time_point now);

} // namespace chat
