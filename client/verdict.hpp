// Turns evidence about the server into a verdict, and the verdict into an exit code. Pure functions, so
// that a test can check every case as a table.
#pragma once

#include "client/time.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace chat::load {

enum class verdict {
    alive,   ///< messages arrive
    starved, ///< the server still answers, but messages are not delivered
    frozen,  ///< messages are in flight and nothing comes back
    gone     ///< all connections have ended
};

std::string_view to_string(verdict v);

/// Returns the verdict whose to_string() is `name`, or nothing.
std::optional<verdict> verdict_named(std::string_view name);

/// What happened when one more client tried to join.
enum class newcomer {
    timed_out, ///< no response
    refused,   ///< nothing is listening
    broken,    ///< closed, reset, or a response that is not HTTP
    rejected,  ///< an HTTP response other than "switching protocols"
    elsewhere, ///< a different server completed the handshake: its Server header differs
    completed, ///< the handshake completed, but no welcome followed
    welcomed   ///< joined the chat
};

std::string_view to_string(newcomer n);

/// Observations made while messages were in flight.
struct evidence {
    nanoseconds silent_for{};  ///< time since any client last received a message
    std::uint64_t clients = 0; ///< still connected
    std::uint64_t pongs = 0;   ///< replies to one ping per client
    newcomer handshake = newcomer::timed_out;
};

/// Decides what the evidence means. A pong proves that the server is alive. An HTTP refusal does not,
/// because a proxy may refuse clients on behalf of a frozen server. A welcome does not either: a server
/// that welcomes clients also delivers messages, so the new client must have reached another server.
/// A completed handshake without a welcome means starved: if every client is a sender that waits for the
/// lock, the server reads no pings, but it still completes handshakes.
verdict judge(const evidence& seen, nanoseconds timeout);

struct run_result {
    verdict outcome = verdict::alive;
    bool interrupted = false;
    bool flawless = true;      ///< every message arrived once and in order; all clients stayed
    bool within_limits = true; ///< every limit such as --max-p99 was measured and met
};

enum exit_code {
    as_expected = 0,
    could_not_run = 1,
    usage_error = 2,
    server_froze = 3,
    server_lived = 4, ///< but another verdict was expected
    missed_limits = 5,
    server_starved = 6
};

exit_code exit_code_of(const run_result& result, verdict expected);

} // namespace chat::load
