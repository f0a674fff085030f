// What the probe sees of a loop that the test turns by hand.
#include <doctest/doctest.h>

#include "server/watch/loop_probe.hpp"

using namespace chat;
using namespace std::chrono_literals;

namespace {

struct probed_loop {
    asio::io_context loop{1};
    lock_ledger ledger;
    loop_probe probe{loop.get_executor(), ledger, 50ms};
    loop_probe::clock::time_point start = probe.asked_at();
};

} // namespace

TEST_CASE("a loop that does not turn is silent since it was asked") {
    probed_loop all;
    all.probe.take_answer(all.start + 80ms);
    const auto seen = all.probe.look(all.start + 80ms);
    CHECK_FALSE(all.probe.answered());
    CHECK(all.probe.has_not_moved());
    CHECK(seen.unanswered == 80ms);
    CHECK(seen.silent == 80ms);
    CHECK_FALSE(seen.moved);
}

TEST_CASE("a loop that turns answers, and its lag is measured") {
    probed_loop all;
    all.loop.poll();
    all.probe.take_answer(all.start + 10ms);
    CHECK(all.probe.answered());
    CHECK(all.probe.unanswered() == 0ns);
    CHECK(all.probe.lag().count == 1);
    CHECK(all.probe.look(all.start + 10ms).unanswered == 0ns);
}

TEST_CASE("a question that is asked again waits for a new answer") {
    probed_loop all;
    all.loop.poll();
    all.probe.take_answer(all.start + 10ms);
    all.probe.ask(all.start + 10ms);
    CHECK_FALSE(all.probe.answered());
    CHECK(all.probe.look(all.start + 30ms).unanswered == 20ms);
}

TEST_CASE("time in which the watch itself was late does not count as silence") {
    probed_loop all;
    all.probe.forgive(70ms, all.start + 80ms);
    const auto seen = all.probe.look(all.start + 80ms);
    CHECK(seen.unanswered == 80ms);
    CHECK(seen.silent == 10ms);
}
