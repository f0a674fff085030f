// What the evidence says about the server, and which exit code that is. Pure functions: the table
// of the cases is the test.
#pragma once

#include "client/connection.hpp"
#include "client/time.hpp"

#include <cstdint>
#include <string_view>

namespace chat::load {

enum class verdict {
    alive,   ///< messages come through
    starved, ///< pings and handshakes are answered, messages are not delivered
    frozen,  ///< messages are in flight and nothing at all comes back
    gone     ///< the server closed all connections
};

std::string_view to_string(verdict v);

/// What was seen while messages were in flight.
struct evidence {
    nanoseconds silent_for{};  ///< since somebody last received a message
    std::uint64_t clients = 0; ///< still connected
    std::uint64_t pongs = 0;   ///< of one ping to each client
    handshake_outcome handshake = handshake_outcome::timed_out; ///< of one more client
};

/// Any answer is a sign of a turning loop: an HTTP refusal as good as a completed handshake.
verdict judge(const evidence& seen, nanoseconds timeout);

struct run_result {
    verdict outcome = verdict::alive;
    bool interrupted = false;
    bool flawless = true;      ///< nothing lost, doubled, out of order or invented
    bool within_limits = true; ///< of --max-p99 and the like
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
