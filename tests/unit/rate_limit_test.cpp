#include "server/chat/rate_limit.hpp"

#include <doctest/doctest.h>

using namespace chat;
using namespace std::chrono_literals;

namespace {

constexpr rate_limit::clock::time_point start{};

int count_allowed(rate_limit& limit, rate_limit::clock::time_point now) {
    int count = 0;
    while (count < 1000 && limit.allows_one(now))
        ++count;
    return count;
}

} // namespace

TEST_CASE("a second's worth may come at once, and then as many as time passes for") {
    rate_limit limit{10, start};
    CHECK(count_allowed(limit, start) == 10);
    for (int i = 1; i < 100; ++i)
        CHECK(limit.allows_one(start + 100ms + i * 110ms));
}

TEST_CASE("silence is not saved up") {
    rate_limit limit{10, start};
    CHECK(count_allowed(limit, start + 1h) == 10);
}

TEST_CASE("who goes on after too many is not allowed again at once") {
    rate_limit limit{10, start};
    CHECK(count_allowed(limit, start) == 10);
    CHECK_FALSE(limit.allows_one(start));
}

TEST_CASE("time in which nothing was read counts in full, once") {
    rate_limit limit{10, start};
    CHECK(count_allowed(limit, start) == 10);
    limit.was_not_read(start + 1s, start + 6s);
    // The refused one was counted, too; one second had passed before, and five were not read.
    CHECK(count_allowed(limit, start + 6s) == 10 - 1 + 50);
    CHECK(count_allowed(limit, start + 6s) == 0);
}

TEST_CASE("what was granted for such a time is not cut down by the next message") {
    rate_limit limit{10, start};
    limit.was_not_read(start, start + 5s);
    CHECK(limit.allows_one(start + 5s));
    CHECK(count_allowed(limit, start + 5s + 10ms) == 59);
}

TEST_CASE("no limit is no limit") {
    rate_limit limit{0, start};
    CHECK(count_allowed(limit, start) == 1000);
    limit.was_not_read(start, start + 5s);
    CHECK(limit.allows_one(start));
}
