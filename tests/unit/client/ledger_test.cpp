// Counting lost, duplicated, reordered and pending messages for each (receiver, sender) pair.
#include "client/ledger.hpp"

#include <doctest/doctest.h>

using namespace chat::load;
using namespace std::chrono_literals;

namespace {

const time_point start{1000s};

struct two_receivers {
    ledger book{2, 1};
    time_point now = start;

    explicit two_receivers(std::uint32_t messages) {
        for (std::uint32_t i = 0; i < messages; ++i)
            book.send(0, now, now);
    }

    void both_get(std::uint32_t number) {
        get(0, number);
        get(1, number);
    }

    void get(std::uint32_t receiver, std::uint32_t number) {
        book.deliver(receiver, {.sender = 0, .number = number}, now);
    }

    std::uint64_t undelivered() const { return book.totals().expected - book.totals().delivered; }

    std::uint64_t lost() const { return book.lost(); }
};

} // namespace

TEST_CASE("in a good run all is delivered, and nothing is in flight, duplicated or out of order") {
    two_receivers run{3};
    CHECK(run.book.waiting_since() == start);
    for (std::uint32_t n : {0, 1, 2})
        run.both_get(n);
    const auto& totals = run.book.totals();
    CHECK(totals.sent == 3);
    CHECK(totals.expected == 6);
    CHECK(totals.delivered == 6);
    CHECK(totals.answered == 3);
    CHECK(totals.in_flight == 0);
    CHECK(totals.duplicated + totals.reordered + totals.invented == 0);
    CHECK_FALSE(run.book.waiting_since());
}

TEST_CASE("a missing message is lost as soon as a later one arrives") {
    two_receivers run{3};
    for (std::uint32_t n : {0, 1, 2})
        run.get(0, n);
    run.get(1, 0);
    run.get(1, 2);
    CHECK(run.lost() == 1);
    CHECK(run.book.totals().in_flight == 0);
    CHECK(run.book.totals().reordered == 0);
}

TEST_CASE("a message that arrives late is out of order, not lost") {
    two_receivers run{4};
    for (std::uint32_t n : {0, 3, 1, 2})
        run.get(0, n);
    CHECK(run.book.totals().delivered == 4);
    CHECK(run.book.totals().reordered == 2);
    CHECK(run.book.totals().duplicated == 0);
}

TEST_CASE("a message that arrives twice is a duplicate, even if it was late") {
    two_receivers run{3};
    for (std::uint32_t n : {0, 0, 2, 1, 1})
        run.get(0, n);
    CHECK(run.book.totals().delivered == 3);
    CHECK(run.book.totals().duplicated == 2);
    CHECK(run.book.totals().reordered == 1);
}

TEST_CASE("a message that was never sent is counted as invented, not as delivered") {
    two_receivers run{1};
    run.get(0, 1);
    run.book.deliver(0, {.sender = 9, .number = 0}, start);
    CHECK(run.book.totals().invented == 2);
    CHECK(run.book.totals().delivered == 0);
}

TEST_CASE("a receiver that leaves is owed nothing, and its pending messages are not lost") {
    two_receivers run{2};
    run.both_get(0);
    run.get(0, 1);
    CHECK(run.book.totals().in_flight == 1);
    run.book.leave(1, start);
    CHECK(run.book.totals().in_flight == 0);
    CHECK(run.undelivered() == 1);
    CHECK(run.lost() == 0);
    run.book.send(0, start, start);
    CHECK(run.book.totals().expected == 5); // only one receiver is left
    run.book.leave(0, start);
    run.book.leave(0, start);
    CHECK(run.book.totals().in_flight == 0);
    run.book.send(0, start, start);
    CHECK(run.book.totals().in_flight == 0);
}

TEST_CASE("no receiver waits for a refused message") {
    two_receivers run{2};
    run.book.refuse({.sender = 0, .number = 0}, start);
    CHECK(run.book.totals().in_flight == 1);
    run.both_get(1);
    CHECK(run.book.totals().in_flight == 0);
    CHECK(run.lost() == 2);
}

TEST_CASE("a refused message is lost even if no message follows it") {
    two_receivers run{2};
    run.both_get(0);
    run.book.refuse({.sender = 0, .number = 1}, start);
    CHECK(run.lost() == 2);
    CHECK(run.undelivered() == 2);
    run.book.refuse({.sender = 7, .number = 0}, start); // for a client that never sent anything
    CHECK(run.lost() == 2);
}

TEST_CASE("a message that has not arrived yet is not lost") {
    two_receivers run{3};
    run.both_get(0);
    run.get(0, 1);
    run.book.give_up(start + 5s);
    CHECK(run.undelivered() == 3);
    CHECK(run.lost() == 0);
}

TEST_CASE("no receiver waits for unacknowledged messages of a closed sender") {
    two_receivers run{3};
    run.both_get(0);
    run.book.leave(0, start);
    run.book.abandon(0, 2, start); // 0 and 1 were acknowledged
    CHECK(run.book.totals().in_flight == 1);
    run.get(1, 1);
    CHECK(run.book.totals().in_flight == 0);
    CHECK_FALSE(run.book.waiting_since());
    CHECK(run.lost() == 0);
    run.get(1, 2); // the server had accepted it after all
    CHECK(run.book.totals().delivered == 4);
    CHECK(run.book.totals().duplicated == 0);
}

TEST_CASE("abandoning a client that is not a sender changes nothing") {
    two_receivers run{1};
    run.book.abandon(1, 0, start);
    CHECK(run.book.totals().in_flight == 1);
}

TEST_CASE("an announced gap is a loss even if no message follows it") {
    two_receivers run{3};
    run.both_get(0);
    run.get(0, 1);
    run.get(0, 2);
    CHECK(run.book.is_awaiting());
    run.book.miss(1, 2);
    CHECK_FALSE(run.book.is_awaiting());
    CHECK(run.lost() == 2);
}

TEST_CASE("an announced gap that also shows as a hole counts once") {
    two_receivers run{4};
    run.both_get(0);
    run.book.miss(1, 1);
    run.get(1, 2);
    CHECK(run.lost() == 1);
    CHECK(run.book.is_awaiting());
    run.get(1, 3);
    for (std::uint32_t n : {1, 2, 3})
        run.get(0, n);
    CHECK_FALSE(run.book.is_awaiting());
    CHECK(run.lost() == 1);
}

TEST_CASE("a hole that is filled late is not a loss") {
    two_receivers run{3};
    for (std::uint32_t n : {0, 2})
        run.get(0, n);
    CHECK(run.lost() == 1);
    run.get(0, 1);
    CHECK(run.lost() == 0);
}

TEST_CASE("an undelivered message counts with its waiting time") {
    two_receivers run{2};
    run.now = start + 1ms;
    run.both_get(0);
    run.book.give_up(start + 5s);
    CHECK(run.book.latency().count() == 4);
    CHECK(run.book.latency().max() == 5s);
    CHECK(run.book.latency().quantile(0.5) < 2ms);
}

TEST_CASE("a message that could not be sent counts for every receiver") {
    two_receivers run{0};
    run.book.could_not_send(start, start + 3s);
    CHECK(run.book.latency().count() == 2);
    CHECK(run.book.latency().max() == 3s);
    CHECK(run.book.latency_from_send().count() == 0);
}

TEST_CASE("messages of the warm-up are counted but not measured") {
    ledger book{1, 1};
    book.measure_from(start + 1s);
    book.send(0, start, start);
    book.deliver(0, {0, 0}, start + 500ms);
    book.send(0, start + 1s, start + 1s);
    book.deliver(0, {0, 1}, start + 1s + 1ms);
    CHECK(book.totals().delivered == 2);
    CHECK(book.latency().count() == 1);
    CHECK(book.latency().max() == 1ms);
}

TEST_CASE("silence starts at the last delivery, or at the first message in flight") {
    two_receivers run{1};
    run.now = start + 1s;
    run.get(0, 0);
    CHECK(run.book.waiting_since() == start + 1s);
    run.get(1, 0);
    run.book.send(0, start + 9s, start + 9s);
    CHECK(run.book.waiting_since() == start + 9s);
}
