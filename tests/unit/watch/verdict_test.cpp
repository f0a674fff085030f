// Verdicts on constructed evidence.
#include <doctest/doctest.h>

#include "server/watch/verdict.hpp"

#include <ostream>

namespace chat {

std::ostream& operator<<(std::ostream& out, verdict which) {
    return out << to_string(which);
}

} // namespace chat

namespace {

using namespace chat;
using namespace std::chrono_literals;

constexpr patience limits{.stall_after = 250ms, .starve_after = 2s};

/// Evidence of a loop that has been silent for one second.
evidence silence() {
    evidence seen;
    seen.unanswered = seen.silent = 1s;
    return seen;
}

} // namespace

TEST_CASE("a loop that answers is alive") {
    CHECK(judge({}, limits) == verdict::alive);
}

TEST_CASE("a loop that has not answered yet is alive") {
    evidence seen;
    seen.unanswered = seen.silent = 249ms;
    CHECK(judge(seen, limits) == verdict::alive);
    seen.unanswered = seen.silent = 250ms;
    CHECK(judge(seen, limits) == verdict::blocked);
}

TEST_CASE("a sleeping thread is blocked, or in a deadlock if it waits for itself") {
    for (const char state : {'S', 'D', 'T'}) {
        auto seen = silence();
        seen.thread_state = state;
        CHECK(judge(seen, limits) == verdict::blocked);
        seen.waits_for_itself = true;
        CHECK(judge(seen, limits) == verdict::deadlock);
    }
}

TEST_CASE("a running thread is spinning if the machine gave it processor time") {
    auto seen = silence();
    seen.thread_state = 'R';
    seen.cpu = 900ms;
    CHECK(judge(seen, limits) == verdict::spinning);
    seen.cpu = 10ms; // an overloaded machine
    CHECK(judge(seen, limits) == verdict::alive);
}

TEST_CASE("a thread that used the processor all the time is spinning, even if it is asleep now") {
    auto seen = silence();
    seen.thread_state = 'S';
    seen.cpu = 900ms;
    CHECK(judge(seen, limits) == verdict::spinning);
}

TEST_CASE(
    "a thread that waits for itself is in a deadlock, even if it runs now or computed before") {
    auto seen = silence();
    seen.thread_state = 'R'; // a signal woke it up
    seen.waits_for_itself = true;
    CHECK(judge(seen, limits) == verdict::deadlock);
    seen.cpu = 900ms;
    CHECK(judge(seen, limits) == verdict::deadlock);
}

TEST_CASE("a late answer while handlers end means congestion") {
    evidence seen;
    seen.unanswered = 1s;
    seen.silent = 0ms;
    seen.moved = true;
    CHECK(judge(seen, limits) == verdict::congested);
}

TEST_CASE(
    "handlers that ended a while ago prove nothing, and a freeze is not reported as congestion") {
    evidence seen;
    seen.unanswered = 300ms;
    seen.silent = 100ms;
    CHECK(judge(seen, limits) == verdict::alive);
    seen.unanswered = 450ms;
    seen.silent = 250ms;
    CHECK(judge(seen, limits) == verdict::blocked);
}

TEST_CASE("a stuck lock while the loop answers means starvation") {
    evidence seen;
    seen.lock_stuck = 1999ms;
    CHECK(judge(seen, limits) == verdict::alive);
    seen.lock_stuck = 2s;
    CHECK(judge(seen, limits) == verdict::starved);
}

TEST_CASE("a loop is stalled only if its thread does not return to it") {
    CHECK(condition_of(verdict::deadlock) == condition::stalled);
    CHECK(condition_of(verdict::blocked) == condition::stalled);
    CHECK(condition_of(verdict::spinning) == condition::stalled);
    CHECK(condition_of(verdict::congested) == condition::alive);
    CHECK(condition_of(verdict::starved) == condition::starved);
    CHECK(condition_of(verdict::alive) == condition::alive);
}
