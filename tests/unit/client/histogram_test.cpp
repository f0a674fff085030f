// Quantiles from buckets: accurate enough, and cheap to merge.
#include "client/histogram.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

using namespace chat::load;
using namespace std::chrono_literals;

TEST_CASE("an empty histogram has no values") {
    const histogram empty;
    CHECK(empty.count() == 0);
    CHECK(empty.max() == 0ns);
    CHECK(empty.quantile(0.99) == 0ns);
}

TEST_CASE("quantiles are within 0.4 percent of the exact ones, over nine decades") {
    std::mt19937_64 random{42};
    std::uniform_real_distribution<double> exponent{0, 11};
    std::vector<std::int64_t> values;
    histogram counted;
    for (int i = 0; i < 50'000; ++i) {
        values.push_back(static_cast<std::int64_t>(std::pow(10, exponent(random))));
        counted.record(nanoseconds{values.back()});
    }
    std::ranges::sort(values);
    for (const double q : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
        const auto rank = static_cast<std::size_t>(std::ceil(q * 50'000)) - 1;
        const auto exact = static_cast<double>(values[rank]);
        const auto got = static_cast<double>(counted.quantile(q).count());
        CAPTURE(q);
        CHECK(got >= exact);
        CHECK(got <= exact * 1.004 + 1);
    }
    CHECK(counted.max() == nanoseconds{values.back()});
}

TEST_CASE("no quantile exceeds the maximum") {
    histogram one;
    one.record(1000001ns);
    CHECK(one.quantile(0.5) == 1000001ns);
    CHECK(one.quantile(1) == 1000001ns);
}

TEST_CASE("merging two histograms equals recording all values in one") {
    histogram a, b, both;
    for (int i = 1; i <= 1000; ++i) {
        (i % 3 == 0 ? a : b).record(i * 1us);
        both.record(i * 1us);
    }
    a.merge(b);
    CHECK(a.count() == both.count());
    CHECK(a.max() == both.max());
    for (const double q : {0.1, 0.5, 0.99})
        CHECK(a.quantile(q) == both.quantile(q));
}

TEST_CASE("a value can be recorded several times, and extreme values fit") {
    histogram extremes;
    extremes.record(-5ns);
    extremes.record(24h * 1000, 3);
    CHECK(extremes.count() == 4);
    CHECK(extremes.quantile(0.25) == 0ns);
    CHECK(extremes.max() == 24h * 1000);
}
