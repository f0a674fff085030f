// What the evidence says about the server, and which exit code that is. Pure functions: the table
// of the cases is the test.
#pragma once

#include "client/time.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace chat::load {

enum class verdict {
    alive,   ///< messages come through
    starved, ///< the server still answers, but messages are not delivered
    frozen,  ///< messages are in flight and nothing at all comes back
    gone     ///< all connections have ended
};

std::string_view to_string(verdict v);

/// The verdict that to_string() calls so; nothing if there is none.
std::optional<verdict> verdict_named(std::string_view name);

/// What became of one more client that tried to join.
enum class newcomer {
    timed_out, ///< no answer
    refused,   ///< nothing listens
    broken,    ///< closed, reset, or an answer that is not HTTP
    rejected,  ///< an HTTP answer, but not "switching protocols"
    elsewhere, ///< something else completed the handshake: its Server header is not our clients'
    completed, ///< the handshake was completed, but no welcome followed
    welcomed   ///< let in
};

std::string_view to_string(newcomer n);

/// What was seen while messages were in flight.
struct evidence {
    nanoseconds silent_for{};  ///< since somebody last received a message
    std::uint64_t clients = 0; ///< still connected
    std::uint64_t pongs = 0;   ///< of one ping to each client
    newcomer handshake = newcomer::timed_out;
};

/// A pong is a sign of life. An HTTP refusal is not, since a proxy refuses newcomers for a server that is
/// frozen. Neither is a welcome: a server that lets people into its chat cannot be the one that delivers
/// nothing, so they have been sent to another. But a handshake without a welcome is how a starved server
/// looks when each of our clients is a sender that waits for the lock: then it reads no pings.
verdict judge(const evidence& seen, nanoseconds timeout);

struct run_result {
    verdict outcome = verdict::alive;
    bool interrupted = false;
    bool flawless = true;      ///< nothing lost, doubled, out of order or invented; all stayed
    bool within_limits = true; ///< of --max-p99 and the like, each of which was measured
};

enum exit_code {
    as_expected = 0,
    could_not_run = 1,
    usage_error = 2,
    server_froze = 3,
    server_lived = 4, ///< though something else was expected
    missed_limits = 5,
    server_starved = 6
};

exit_code exit_code_of(const run_result& result, verdict expected);

} // namespace chat::load
