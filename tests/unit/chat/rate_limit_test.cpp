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

TEST_CASE("a second's worth may come at once, and then as many as time passes for") {
    rate_limit limit{10, start};
    CHECK(count_allowed(limit, start) == 10);
    CHECK(count_allowed(limit, start + 600ms) == 6);
    for (int i = 1; i < 100; ++i)
        CHECK(limit.allows_one(start + 600ms + i * 110ms));
}

TEST_CASE("more than a second's worth can be saved up if it is told so") {
    rate_limit limit{10, start, 50};
    CHECK(count_allowed(limit, start) == 50);
    CHECK(count_allowed(limit, start + 2s) == 20);
    CHECK(count_allowed(limit, start + 1h) == 50);
}

TEST_CASE("what is granted is allowed, but not saved up beyond what there is room for") {
    rate_limit limit{10, start};
    limit.grant_one();
    CHECK(count_allowed(limit, start) == 10);
    limit.grant_one();
    limit.grant_one();
    CHECK(count_allowed(limit, start) == 2);
}

TEST_CASE("silence is not saved up") {
    rate_limit limit{10, start};
    for (int second = 1; second < 3600; ++second)
        limit.look_back(reading::went_on, start + second * 1s);
    CHECK(count_allowed(limit, start + 1h) == 10);
}

TEST_CASE("a wait for the lock counts in full") {
    rate_limit limit{10, start};
    CHECK(count_allowed(limit, start) == 10);
    limit.look_back(reading::went_on, start + 1s);
    for (int second = 2; second <= 6; ++second)
        limit.look_back(reading::waited_for_the_lock, start + second * 1s);
    CHECK(count_allowed(limit, start + 6s) == 10 + 50);
}

TEST_CASE("so does a standstill, though its first message may be read before it is known") {
    rate_limit limit{10, start};
    limit.look_back(reading::went_on, start + 1s);
    CHECK(limit.allows_one(start + 6s));
    limit.look_back(reading::stood_still, start + 6s);
    CHECK(count_allowed(limit, start + 6s) == 10 - 1 + 50);
}

TEST_CASE("who says more than it may gets no credit for it") {
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

TEST_CASE("a loop that is always late saves up nothing") {
    rate_limit limit{10, start};
    for (int second = 1; second < 3600; ++second)
        limit.look_back(reading::stood_still, start + second * 1s);
    CHECK(count_allowed(limit, start + 3599s) == 10 + 10);
}

TEST_CASE("credit lasts while it is needed, and melts when it is not") {
    rate_limit limit{10, start};
    limit.look_back(reading::waited_for_the_lock, start + 5s);
    for (int tick = 1; tick <= 8; ++tick) { // twice as many as it may say, for two seconds
        for (int i = 0; i < 5; ++i)
            CHECK(limit.allows_one(start + 5s + tick * 250ms));
        limit.look_back(reading::went_on, start + 5s + tick * 250ms);
    }
    limit.look_back(reading::went_on, start + 20s);
    CHECK(count_allowed(limit, start + 20s) == 10);
}

TEST_CASE("no limit is no limit") {
    rate_limit limit{0, start};
    CHECK(count_allowed(limit, start) == 1000);
    limit.look_back(reading::waited_for_the_lock, start + 5s);
    CHECK(limit.allows_one(start + 5s));
}
