// The schedule of the open loop, and why latency counts from the planned time.
#include "client/ledger.hpp"
#include "client/schedule.hpp"

#include <doctest/doctest.h>

using namespace chat::load;
using namespace std::chrono_literals;

namespace {

const time_point start{1000s};

} // namespace

TEST_CASE("the rate is the total of all senders, and they take turns") {
    const schedule plan{start, 10, 2}; // one message every 100 ms
    CHECK(plan.planned(0, 0) == start);
    CHECK(plan.planned(1, 0) == start + 100ms);
    CHECK(plan.planned(0, 1) == start + 200ms);
    CHECK(plan.planned(1, 1) == start + 300ms);
}

TEST_CASE("rounding errors do not add up over a day") {
    const schedule plan{start, 3, 1};
    CHECK(plan.planned(0, 3 * 86'400) == start + 24h);
}

TEST_CASE("the rate can be below one message per second") {
    const schedule plan{start, 0.5, 1};
    CHECK(plan.planned(0, 1) == start + 2s);
}

TEST_CASE("at a rate too low for the clock only the first message is ever due") {
    for (const double rate : {1e-10, 1e-300, 5e-324}) {
        const schedule plan{start, rate, 100'000};
        CHECK(plan.planned(0, 0) == start);
        CHECK(plan.planned(0, 1) > start + 24h * 365);
        CHECK(plan.planned(99'999, 4'294'967'295) > start + 24h * 365);
        CHECK(plan.planned_before(0, start + 24h) == 1);
    }
}

TEST_CASE("the number of messages planned before a time can be computed") {
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

TEST_CASE("messages that wait for a stalled server count with their waiting time") {
    // One message is planned every 10 ms, but nothing can be sent for a second. Then 100 messages are sent
    // together and delivered 1 ms later.
    const schedule plan{start, 100, 1};
    ledger book{1, 1};
    const auto late = start + 1s;
    for (std::uint32_t number = 0; number < 100; ++number) {
        CHECK(book.send(0, plan.planned(0, number), late) == number);
        book.deliver(0, {.sender = 0, .number = number}, late + 1ms);
    }
    CHECK(book.latency().max() == 1001ms);
    CHECK(book.latency().quantile(0.5) > 490ms);
    CHECK(book.latency_from_send().max() == 1ms); // looks fine: coordinated omission
}
