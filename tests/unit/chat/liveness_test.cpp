// What a session does about its client, as a table. Limits: idle 60 s, write 10 s.
#include <doctest/doctest.h>

#include "server/chat/liveness.hpp"

using namespace chat;
using namespace std::chrono_literals;
using enum liveness_step;

namespace {

const liveness_signs::time_point start{1000s}; // the client was last heard then

struct row {
    const char* claim;
    liveness_signs seen;
    std::chrono::milliseconds later;
    liveness_step expected;
};

void check(const row& each) {
    CAPTURE(each.claim);
    CHECK(next_step(each.seen, session_limits{}, start + each.later) == each.expected);
}

} // namespace

TEST_CASE("a silent client is pinged once, and told to go if it does not answer") {
    for (const row& each : {
             row{"half of the idle time is not over", {.heard = start}, 30s, none},
             row{"it is over", {.heard = start}, 30s + 1ms, ping},
             row{"the ping waits for room in the socket",
                 {.heard = start, .ping_is_out = true},
                 40s,
                 none},
             row{"the ping is not answered yet",
                 {.heard = start, .pinged = start + 30s},
                 60s,
                 none},
             row{"the other half is over as well",
                 {.heard = start, .pinged = start + 30s},
                 60s + 1ms,
                 leave_idle},
             row{"an older ping was answered", {.heard = start, .pinged = start - 5s}, 31s, ping},
         })
        check(each);
}

TEST_CASE("a client that takes nothing is told to go, and sooner if it holds up a shutdown") {
    for (const row& each : {
             row{"within the write timeout", {.heard = start, .blocked_since = start}, 10s, none},
             row{"after it", {.heard = start, .blocked_since = start}, 10s + 1ms, leave_slow},
             row{"within a second, in the way of a shutdown",
                 {.heard = start, .blocked_since = start, .holds_up_the_shutdown = true},
                 1s,
                 none},
             row{"after a second, in the way of a shutdown",
                 {.heard = start, .blocked_since = start, .holds_up_the_shutdown = true},
                 1s + 1ms,
                 leave_slow},
             row{"taking nothing comes before silence",
                 {.heard = start, .pinged = start + 1s, .blocked_since = start},
                 100s,
                 leave_slow},
         })
        check(each);
}

TEST_CASE("a client that was told to go and stays is cut off") {
    for (const row& each : {
             row{"it has time to leave", {.heard = start, .leaving_since = start}, 5s, none},
             row{"its time is over", {.heard = start, .leaving_since = start}, 5s + 1ms, close},
             row{"it has time to take the close frame",
                 {.heard = start, .blocked_since = start - 9s, .leaving_since = start},
                 1s,
                 none},
             row{"it takes nothing",
                 {.heard = start, .blocked_since = start - 9s, .leaving_since = start},
                 1s + 1ms,
                 reset},
             row{"its socket filled up later",
                 {.heard = start, .blocked_since = start + 2s, .leaving_since = start},
                 3s,
                 none},
             row{"it is not pinged any more",
                 {.heard = start, .leaving_since = start + 40s},
                 41s,
                 none},
         })
        check(each);
}
