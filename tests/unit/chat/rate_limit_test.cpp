#include "server/chat/rate_limit.hpp"

#include <doctest/doctest.h>

using namespace chat;
using namespace std::chrono_literals;

namespace {

using reading = rate_limit::reading;
constexpr rate_limit::clock::time_point start{};

int count_allowed(rate_limit& limit, rate_limit::clock::time_point now) {
    int count = 0;
    while (count < 1000 && limit.allows_one(now))
        ++count;
    return count;
}

} // namespace

TEST_CASE("one second's worth may come at once, and after that as many as the rate allows") {
    rate_limit limit{10, start};
    CHECK(count_allowed(limit, start) == 10);
    CHECK(count_allowed(limit, start + 600ms) == 6);
    for (int i = 1; i < 100; ++i)
        CHECK(limit.allows_one(start + 600ms + i * 110ms));
}

TEST_CASE("more than one second's worth can be saved up if at_once says so") {
    rate_limit limit{10, start, 50};
    CHECK(count_allowed(limit, start) == 50);
    CHECK(count_allowed(limit, start + 2s) == 20);
    CHECK(count_allowed(limit, start + 1h) == 50);
}

TEST_CASE("a granted message is allowed, but is not saved up beyond the size of the bucket") {
    rate_limit limit{10, start};
    limit.grant_one();
    CHECK(count_allowed(limit, start) == 10);
    limit.grant_one();
    limit.grant_one();
    CHECK(count_allowed(limit, start) == 2);
}

TEST_CASE("a silent client saves up no more than the bucket holds") {
    rate_limit limit{10, start};
    for (int second = 1; second < 3600; ++second)
        limit.look_back(reading::went_on, start + second * 1s);
    CHECK(count_allowed(limit, start + 1h) == 10);
}

TEST_CASE("time spent waiting for the lock is credited in full") {
    rate_limit limit{10, start};
    CHECK(count_allowed(limit, start) == 10);
    limit.look_back(reading::went_on, start + 1s);
    for (int second = 2; second <= 6; ++second)
        limit.look_back(reading::waited_for_the_lock, start + second * 1s);
    CHECK(count_allowed(limit, start + 6s) == 10 + 50);
}

TEST_CASE("a standstill is credited in full, even if a message is read before it is known") {
    rate_limit limit{10, start};
    limit.look_back(reading::went_on, start + 1s);
    CHECK(limit.allows_one(start + 6s));
    limit.look_back(reading::stood_still, start + 6s);
    CHECK(count_allowed(limit, start + 6s) == 10 - 1 + 50);
}

TEST_CASE("a client that exceeds its rate gets no credit for it") {
    rate_limit limit{10, start};
    CHECK(count_allowed(limit, start) == 10);
    int allowed = 0;
    for (int tick = 1; tick <= 40; ++tick) {
        allowed += count_allowed(limit, start + tick * 250ms);
        limit.look_back(tick % 2 == 0 ? reading::stood_still : reading::waited_for_the_lock,
                        start + tick * 250ms);
    }
    CHECK(allowed == 100); // in ten seconds
}

TEST_CASE("a loop that is always late does not accumulate credit") {
    rate_limit limit{10, start};
    for (int second = 1; second < 3600; ++second)
        limit.look_back(reading::stood_still, start + second * 1s);
    CHECK(count_allowed(limit, start + 3599s) == 10 + 10);
}

TEST_CASE("credit lasts while it is needed, and shrinks when it is not") {
    rate_limit limit{10, start};
    limit.look_back(reading::waited_for_the_lock, start + 5s);
    for (int tick = 1; tick <= 8; ++tick) { // twice the rate, for two seconds
        for (int i = 0; i < 5; ++i)
            CHECK(limit.allows_one(start + 5s + tick * 250ms));
        limit.look_back(reading::went_on, start + 5s + tick * 250ms);
    }
    limit.look_back(reading::went_on, start + 20s);
    CHECK(count_allowed(limit, start + 20s) == 10);
}

TEST_CASE("a rate of 0 allows any number of messages") {
    rate_limit limit{0, start};
    CHECK(count_allowed(limit, start) == 1000);
    limit.look_back(reading::waited_for_the_lock, start + 5s);
    CHECK(limit.allows_one(start + 5s));
}
