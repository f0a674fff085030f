// Quantiles of a histogram.
#pragma once

#include "server/numbers/histogram.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace chat {

/// Returns the bucket limit below which this part of the values lies; 0 if there are no values. Values above all
/// limits are only known to exceed the last limit, so that limit is returned for them.
inline std::chrono::microseconds quantile(const histogram& values, double part) {
    if (values.count == 0)
        return {};
    const auto wanted = part * static_cast<double>(values.count);
    const auto below = values.cumulative();
    std::size_t bucket = 0;
    while (bucket < histogram::size - 2 && static_cast<double>(below[bucket]) < wanted)
        ++bucket;
    return std::chrono::microseconds{histogram::limit_us(bucket)};
}

/// Returns what was added to the same histogram since `before`.
inline histogram added_since(const histogram& before, const histogram& now) {
    auto added = now;
    for (std::size_t bucket = 0; bucket < histogram::size; ++bucket)
        added.in_bucket[bucket] -= before.in_bucket[bucket];
    added.count -= before.count;
    added.sum_ns -= before.sum_ns;
    return added;
}

} // namespace chat
