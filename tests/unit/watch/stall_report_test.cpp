// Reports of constructed states, word for word.
#include <doctest/doctest.h>

#include "server/watch/source_path.hpp"
#include "server/watch/stack_names.hpp"
#include "server/watch/stall_report.hpp"

#include <algorithm>
#include <sstream>

namespace {

using namespace chat;
using namespace std::chrono_literals;

const auto now = std::chrono::steady_clock::time_point{1h};

// std::source_location cannot be constructed with chosen values, so the tests start from a report.
stall_report deadlock() {
    stall_report report;
    report.verdict = verdict::deadlock;
    report.stalled = 253ms;
    report.loop = {42, 'S',
                   std::vector<std::string>{"futex_wait", "lock  server/sync/blocking_mutex.hpp:77",
                                            "the event loop"}};
    report.held_by = stall_report::holder{{1, "alice", "say", "server/chat/room.cpp:51", 253ms},
                                          "server/chat/room.cpp:63",
                                          "its ack, in a turn of the loop",
                                          true};
    report.waiters = {{0, "", "fan_out", "server/chat/room.cpp:73", 253ms}};
    report.waiting = 1;
    report.cycle = {"one", "two"};
    report.explanation = "A holds. B waits.";
    report.fix = "release it";
    return report;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::istringstream from{text};
    std::vector<std::string> lines;
    for (std::string line; std::getline(from, line);)
        lines.push_back(line);
    return lines;
}

std::size_t columns(const std::string& line) {
    return static_cast<std::size_t>(
        std::ranges::count_if(line, [](char byte) { return (byte & 0xC0) != 0x80; }));
}

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("a deadlock as JSON") {
    CHECK(
        to_json(deadlock()) ==
        R"({"verdict":"deadlock","stalled_ms":253,)"
        R"("thread":{"id":42,"state":"S","stack":["futex_wait",)"
        R"("lock  server/sync/blocking_mutex.hpp:77","the event loop"]},)"
        R"("holder":{"session":1,"name":"alice","task":"say","acquired_at":"server/chat/room.cpp:51",)"
        R"("suspended_at":"server/chat/room.cpp:63","awaiting":"its ack, in a turn of the loop","held_ms":253},)"
        R"("waiters":[{"session":0,"name":"","task":"fan_out","at":"server/chat/room.cpp:73","waited_ms":253}],)"
        R"("waiting":1,"cycle":["one","two"],"explanation":"A holds. B waits.","fix":"release it"})");
}

TEST_CASE("without a holder and with quotes in a name it is still valid JSON") {
    auto report = deadlock();
    report.held_by.reset();
    report.waiters.front().name = "\"\n";
    const auto text = to_json(report);
    CHECK(has(text, R"("holder":null)"));
    CHECK(has(text, R"("name":"\"\n")"));
}

TEST_CASE("a stack that is not named yet is null, not empty") {
    auto report = deadlock();
    report.loop.stack.reset();
    CHECK(has(to_json(report), R"("stack":null)"));
    report.loop.stack.emplace();
    CHECK(has(to_json(report), R"("stack":[])"));
}

TEST_CASE("unnamed calls are left out at the top of the stack") {
    CHECK(name_stack({nullptr}).empty());
    const auto named = name_stack({nullptr, reinterpret_cast<char*>(&short_name) + 1});
    REQUIRE(!named.empty());
    CHECK(named.front() != "?");
    CHECK(has(named.back(), "short_name"));
}

TEST_CASE("a deadlock as prose") {
    const auto text = to_prose(deadlock(), false);
    CHECK(text == R"(
   DEADLOCK  the loop's thread waits for itself, and always will (253 ms so far)

  HOLDS the lock: say, session 1 "alice"         │ WAITS for it
  ───────────────────────────────────────────────┼────────────────────────────────────────────────
  takes it in server/chat/room.cpp:51            │
  sleeps in   server/chat/room.cpp:63            │
  awaiting    its ack, in a turn of the loop     │
  has held it for 253 ms                         │
                                                 │ fan_out
                                                 │ asks in server/chat/room.cpp:73 (253 ms ago)
                                                 │ and so stops the loop's only thread
  needs that thread to wake up and release it    │

  Why   A holds. B waits.
  Fix   release it

  Where the loop's thread is (thread 42, it sleeps), the last call first:
        futex_wait
        lock  server/sync/blocking_mutex.hpp:77
        the event loop

)");
    CHECK_FALSE(has(text, "\033"));
    CHECK(has(to_prose(deadlock(), true), "\033"));
}

TEST_CASE("the prose fits a screen, however long the report is") {
    auto report = deadlock();
    report.held_by->name = report.waiters.front().name = "Ünïcödé name of thirty-two chars";
    report.held_by->awaiting =
        "room in the socket of session 123456 \"Ünïcödé name of thirty-two chars\"";
    report.waiters.resize(20, report.waiters.front());
    report.waiting = 5000;
    report.loop.stack->resize(
        40, "chat::something_with_a_name_that_is_long server/chat/session.cpp:100");
    report.explanation = std::string(60, 'x') + " " + std::string(60, 'y');
    const auto lines = lines_of(to_prose(report, false));
    CHECK(lines.size() <= 45);
    for (const auto& line : lines)
        CHECK(columns(line) <= 100);
    CHECK(has(to_prose(report, false), "and 4995 more"));
}

TEST_CASE("a report combines the ledger and the names") {
    session_names names;
    names.set(7, "sleeper");
    lock_snapshot lock;
    lock.holder =
        lock_holder{{"deliver", 7},
                    now - 3s,
                    1,
                    false,
                    lock_suspension{std::source_location::current(), "room in the socket", 7}};
    lock.waiters = {{{"say", 8}, now - 2s, 1, false}};
    lock.waiting = 12;
    const stall_facts facts{.verdict = verdict::starved,
                            .now = now,
                            .stalled = 3s,
                            .loop = {},
                            .cpu = {},
                            .handlers = 0};
    const auto report = make_report(facts, lock, names);
    REQUIRE(report.held_by);
    CHECK(report.held_by->label() == "deliver, session 7 \"sleeper\"");
    CHECK(report.held_by->awaiting == "room in the socket of session 7 \"sleeper\"");
    CHECK(report.held_by->suspended_at.starts_with("tests/unit/watch/stall_report_test.cpp:"));
    CHECK(report.held_by->since == 3000ms);
    CHECK(report.waiters.front().label() == "say, session 8");
    CHECK(report.waiters.front().since == 2000ms);
    CHECK(
        report.explanation ==
        "The loop turns, but deliver, session 7 \"sleeper\" keeps the lock while it awaits room in "
        "the socket of session 7 \"sleeper\". 12 tasks wait for the lock, so they wait for "
        "the same thing.");
    CHECK(report.fix == "release the guard before the co_await in " + report.held_by->suspended_at);
    CHECK(report.cycle.empty());
}

TEST_CASE("a deadlock's cycle leads back to its start") {
    lock_snapshot lock;
    lock.holder = lock_holder{
        {"say", 1}, now - 1s, 1, true, lock_suspension{std::source_location::current(), "a turn"}};
    lock.waiters = {{{"fan_out"}, now - 1s, 1, true}};
    lock.waiting = 1;
    const stall_facts facts{.verdict = verdict::deadlock,
                            .now = now,
                            .stalled = 1s,
                            .loop = {},
                            .cpu = {},
                            .handlers = 0};
    const auto report = make_report(facts, lock, {});
    REQUIRE(report.cycle.size() == 3);
    CHECK(report.cycle[0] == "fan_out waits for the lock that say, session 1 holds");
    CHECK(report.cycle[1] == "say, session 1 waits for the loop's thread to resume it");
    CHECK(report.cycle[2] == "the loop's thread waits for the lock in fan_out");
}

TEST_CASE("names of calls are shortened") {
    CHECK(short_name("chat::room::fan_out(chat::room::fan_out()::Frame*) [clone .actor]") ==
          "chat::room::fan_out");
    CHECK(short_name("chat::(anonymous namespace)::compute(std::chrono::duration<long, "
                     "std::ratio<1l, 2l>>)") == "chat::compute");
    CHECK(
        short_name(
            "void chat::parked_handler<>::post<int>(int const&) &&::{lambda()#1}::operator()()") ==
        "chat::parked_handler::post::{lambda#1}::operator()");
    CHECK(short_name("std::vector<int, std::allocator<int>>::operator[](unsigned long) const") ==
          "std::vector::operator[]");
    CHECK(short_name("main") == "main");
    CHECK(short_name("") == "");
}

TEST_CASE("source paths are relative to the project's top folder") {
    CHECK(source_path("../../server/chat/room.cpp") == "server/chat/room.cpp");
    CHECK(source_path(CHAT_SOURCE_DIR "/build/x/../../server/chat/room.cpp") ==
          "server/chat/room.cpp");
    CHECK(source_path("/usr/include/c++/12/mutex") == "/usr/include/c++/12/mutex");
    CHECK(source_line(std::source_location::current())
              .starts_with("tests/unit/watch/stall_report_test.cpp:"));
}
