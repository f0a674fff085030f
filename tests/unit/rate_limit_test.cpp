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
    CHECK(count_allowed(limit, start + 600ms) == 5); // the refused one was counted, too
    for (int i = 1; i < 100; ++i)
        CHECK(limit.allows_one(start + 700ms + i * 110ms));
}

TEST_CASE("silence is not saved up") {
    rate_limit limit{10, start};
    CHECK(count_allowed(limit, start + 1h) == 10);
}

TEST_CASE("what is refused is counted, too: who does not stop is not heard") {
    rate_limit limit{10, start};
    CHECK(count_allowed(limit, start) == 10); // and one refused
    CHECK_FALSE(limit.allows_one(start + 100ms));
    CHECK(limit.allows_one(start + 400ms));
}

TEST_CASE("time in which nothing was read counts in full") {
    rate_limit limit{10, start};
    limit.was_not_read(start + 1s, start + 6s);
    CHECK(count_allowed(limit, start + 6s) == 10 + 50);
}

TEST_CASE("also when the first message that comes is read before that is known") {
    rate_limit limit{10, start};
    CHECK(count_allowed(limit, start) == 10);
    CHECK(limit.allows_one(start + 6s));
    limit.was_not_read(start + 1s, start + 6s);
    CHECK(count_allowed(limit, start + 6s) == 10 - 1 + 50);
}

TEST_CASE("what was granted for such a time serves the messages that follow, not a later flood") {
    rate_limit limit{10, start};
    limit.was_not_read(start, start + 5s);
    CHECK(limit.allows_one(start + 5s));
    CHECK(limit.allows_one(start + 5s));
    CHECK(count_allowed(limit, start + 7s) == 10 + 50 - 2 - 20);
    CHECK(count_allowed(limit, start + 1h) == 10);
}

TEST_CASE("no limit is no limit") {
    rate_limit limit{0, start};
    CHECK(count_allowed(limit, start) == 1000);
    limit.was_not_read(start, start + 5s);
    CHECK(limit.allows_one(start));
}
