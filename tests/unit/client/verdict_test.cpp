// Evidence and verdict, case by case; the resulting exit code.
#include "client/verdict.hpp"

#include <doctest/doctest.h>

using namespace chat::load;
using namespace std::chrono_literals;
using handshake = newcomer;

namespace {

evidence silence(std::uint64_t pongs, handshake last_handshake) {
    return {.silent_for = 1s, .clients = 50, .pongs = pongs, .handshake = last_handshake};
}

exit_code code(verdict outcome, verdict expected) {
    return exit_code_of({.outcome = outcome}, expected);
}

} // namespace

TEST_CASE("frozen: nothing comes back") {
    CHECK(judge(silence(0, handshake::timed_out), 1s) == verdict::frozen);
    CHECK(judge(silence(0, handshake::refused), 1s) == verdict::frozen);
    CHECK(judge(silence(0, handshake::broken), 1s) == verdict::frozen);
}

TEST_CASE("starved: pings are answered, but no messages arrive") {
    CHECK(judge(silence(50, handshake::completed), 1s) == verdict::starved);
    CHECK(judge(silence(1, handshake::timed_out), 1s) == verdict::starved);
    CHECK(judge(silence(1, handshake::rejected), 1s) == verdict::starved);
}

TEST_CASE("starved: all clients wait for the lock, but the server still completes a handshake") {
    CHECK(judge(silence(0, handshake::completed), 1s) == verdict::starved);
}

TEST_CASE("frozen: a proxy or another server answers new clients") {
    CHECK(judge(silence(0, handshake::rejected), 1s) == verdict::frozen);
    CHECK(judge(silence(0, handshake::elsewhere), 1s) == verdict::frozen);
    CHECK(judge(silence(0, handshake::welcomed), 1s) == verdict::frozen);
}

TEST_CASE("alive: the silence was too short to mean anything") {
    auto brief = silence(0, handshake::timed_out);
    brief.silent_for = 999ms;
    CHECK(judge(brief, 1s) == verdict::alive);
}

TEST_CASE("gone: no client is connected") {
    CHECK(judge({.silent_for = 0s, .clients = 0}, 1s) == verdict::gone);
}

TEST_CASE("an expected verdict is success") {
    for (const auto v : {verdict::alive, verdict::starved, verdict::frozen})
        CHECK(code(v, v) == as_expected);
}

TEST_CASE("an unexpected verdict has its own exit code") {
    CHECK(code(verdict::frozen, verdict::alive) == 3);
    CHECK(code(verdict::frozen, verdict::starved) == 3);
    CHECK(code(verdict::alive, verdict::frozen) == 4);
    CHECK(code(verdict::alive, verdict::starved) == 4);
    CHECK(code(verdict::starved, verdict::alive) == 6);
    CHECK(code(verdict::starved, verdict::frozen) == 6);
}

TEST_CASE("a lost server or an interrupted run proves nothing") {
    CHECK(code(verdict::gone, verdict::alive) == 1);
    CHECK(code(verdict::gone, verdict::frozen) == 1);
    CHECK(exit_code_of({.outcome = verdict::alive, .interrupted = true}, verdict::alive) == 1);
}

TEST_CASE("losses and missed limits count only if the server is alive") {
    CHECK(exit_code_of({.outcome = verdict::alive, .flawless = false}, verdict::alive) == 5);
    CHECK(exit_code_of({.outcome = verdict::alive, .within_limits = false}, verdict::alive) == 5);
    CHECK(exit_code_of({.outcome = verdict::frozen, .flawless = false, .within_limits = false},
                       verdict::frozen) == 0);
}
