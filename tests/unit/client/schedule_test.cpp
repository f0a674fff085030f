// The open loop's plan, and why latencies count from it.
#include "client/ledger.hpp"
#include "client/schedule.hpp"

#include <doctest/doctest.h>

using namespace chat::load;
using namespace std::chrono_literals;

namespace {

const time_point start{1000s};

} // namespace

TEST_CASE("the rate is the total of all senders, who take turns") {
    const schedule plan{start, 10, 2}; // a message every 100 ms
    CHECK(plan.planned(0, 0) == start);
    CHECK(plan.planned(1, 0) == start + 100ms);
    CHECK(plan.planned(0, 1) == start + 200ms);
    CHECK(plan.planned(1, 1) == start + 300ms);
}

TEST_CASE("rounding does not add up over a day") {
    const schedule plan{start, 3, 1};
    CHECK(plan.planned(0, 3 * 86'400) == start + 24h);
}

TEST_CASE("less than one message a second is a rate too") {
    const schedule plan{start, 0.5, 1};
    CHECK(plan.planned(0, 1) == start + 2s);
}

TEST_CASE("a rate so low that its times fit no clock means once, and then never") {
    for (const double rate : {1e-10, 1e-300, 5e-324}) {
        const schedule plan{start, rate, 100'000};
        CHECK(plan.planned(0, 0) == start);
        CHECK(plan.planned(0, 1) > start + 24h * 365);
        CHECK(plan.planned(99'999, 4'294'967'295) > start + 24h * 365);
        CHECK(plan.planned_before(0, start + 24h) == 1);
    }
}

TEST_CASE("what is planned before a time is known without counting") {
    for (const double rate : {0.5, 3.0, 1000.0, 1e7})
        for (const std::uint32_t sender : {0U, 2U}) {
            const schedule plan{start, rate, 3};
            for (const auto end : {start, start + 1ns, start + 2s, start + 24h}) {
                const auto count = plan.planned_before(sender, end);
                CHECK(plan.planned(sender, count) >= end);
                CHECK((count == 0 || plan.planned(sender, count - 1) < end));
            }
        }
}

TEST_CASE("a server that stalls is charged for the messages that had to wait") {
    // Planned every 10 ms, but for a second nothing could be sent: then 100 at once, answered at
    // once.
    const schedule plan{start, 100, 1};
    ledger book{1, 1};
    const auto late = start + 1s;
    for (std::uint32_t number = 0; number < 100; ++number) {
        CHECK(book.send(0, plan.planned(0, number), late) == number);
        book.deliver(0, {.sender = 0, .number = number}, late + 1ms);
    }
    CHECK(book.latency().max() == 1001ms);
    CHECK(book.latency().quantile(0.5) > 490ms);
    CHECK(book.latency_from_send().max() == 1ms); // coordinated omission: looks fine
}
