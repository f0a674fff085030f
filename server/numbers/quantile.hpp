// What a histogram says about "most of the time".
#pragma once

#include "server/numbers/histogram.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace chat {

/// The limit under which that part of the values lies, 0 when there are none. Of what lies above all
/// limits it is only known that it exceeds the last one, which is what is returned then.
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

/// What has been added to the same histogram since `before`.
inline histogram added_since(const histogram& before, const histogram& now) {
    auto added = now;
    for (std::size_t bucket = 0; bucket < histogram::size; ++bucket)
        added.in_bucket[bucket] -= before.in_bucket[bucket];
    added.count -= before.count;
    added.sum_ns -= before.sum_ns;
    return added;
}

} // namespace chat
