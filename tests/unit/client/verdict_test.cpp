// The evidence and what it means, case by case; the exit code that follows.
#include "client/verdict.hpp"

#include <doctest/doctest.h>

using namespace chat::load;
using namespace std::chrono_literals;
using handshake = newcomer;

namespace {

evidence silence(std::uint64_t pongs, handshake one_more) {
    return {.silent_for = 1s, .clients = 50, .pongs = pongs, .handshake = one_more};
}

exit_code code(verdict outcome, verdict expected) {
    return exit_code_of({.outcome = outcome}, expected);
}

} // namespace

TEST_CASE("frozen: nothing at all comes back") {
    CHECK(judge(silence(0, handshake::timed_out), 1s) == verdict::frozen);
    CHECK(judge(silence(0, handshake::refused), 1s) == verdict::frozen);
    CHECK(judge(silence(0, handshake::broken), 1s) == verdict::frozen);
}

TEST_CASE("starved: pings are answered, messages do not come") {
    CHECK(judge(silence(50, handshake::completed), 1s) == verdict::starved);
    CHECK(judge(silence(1, handshake::timed_out), 1s) == verdict::starved);
    CHECK(judge(silence(1, handshake::rejected), 1s) == verdict::starved);
}

TEST_CASE("starved: all clients wait for the lock, but the server still completes a handshake") {
    CHECK(judge(silence(0, handshake::completed), 1s) == verdict::starved);
}

TEST_CASE("frozen: something else answers newcomers in place of the server") {
    CHECK(judge(silence(0, handshake::rejected), 1s) == verdict::frozen);
    CHECK(judge(silence(0, handshake::elsewhere), 1s) == verdict::frozen);
    CHECK(judge(silence(0, handshake::welcomed), 1s) == verdict::frozen);
}

TEST_CASE("alive: the silence was too short to mean anything") {
    auto brief = silence(0, handshake::timed_out);
    brief.silent_for = 999ms;
    CHECK(judge(brief, 1s) == verdict::alive);
}

TEST_CASE("gone: nobody is connected any more") {
    CHECK(judge({.silent_for = 0s, .clients = 0}, 1s) == verdict::gone);
}

TEST_CASE("an expectation that is met is success") {
    for (const auto v : {verdict::alive, verdict::starved, verdict::frozen})
        CHECK(code(v, v) == as_expected);
}

TEST_CASE("an expectation that is not met tells what was instead") {
    CHECK(code(verdict::frozen, verdict::alive) == 3);
    CHECK(code(verdict::frozen, verdict::starved) == 3);
    CHECK(code(verdict::alive, verdict::frozen) == 4);
    CHECK(code(verdict::alive, verdict::starved) == 4);
    CHECK(code(verdict::starved, verdict::alive) == 6);
    CHECK(code(verdict::starved, verdict::frozen) == 6);
}

TEST_CASE("a server that went away or a run that was interrupted proves nothing") {
    CHECK(code(verdict::gone, verdict::alive) == 1);
    CHECK(code(verdict::gone, verdict::frozen) == 1);
    CHECK(exit_code_of({.outcome = verdict::alive, .interrupted = true}, verdict::alive) == 1);
}

TEST_CASE("loss and missed limits count against a living server only") {
    CHECK(exit_code_of({.outcome = verdict::alive, .flawless = false}, verdict::alive) == 5);
    CHECK(exit_code_of({.outcome = verdict::alive, .within_limits = false}, verdict::alive) == 5);
    CHECK(exit_code_of({.outcome = verdict::frozen, .flawless = false, .within_limits = false},
                       verdict::frozen) == 0);
}
