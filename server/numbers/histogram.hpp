// Counts durations in a fixed number of buckets, whose limits double from one microsecond to about half a minute.
// One writer. To read from another thread, take a copy under the writer's lock or on the writer's thread.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace chat {

struct histogram {
    /// The last bucket has no limit.
    static constexpr std::size_t size = 27;

    std::array<std::uint64_t, size> in_bucket{}; ///< durations above the previous bucket's limit
    std::uint64_t count = 0;
    std::uint64_t sum_ns = 0;

    /// The bucket's limit in microseconds, inclusive. The last bucket has none.
    static constexpr std::uint64_t limit_us(std::size_t bucket) {
        return std::uint64_t{1} << bucket;
    }

    static constexpr std::size_t bucket_of(std::uint64_t ns) {
        const auto us = (ns + 999) / 1000;
        const auto bucket = us <= 1 ? 0 : static_cast<std::size_t>(std::bit_width(us - 1));
        return std::min(bucket, size - 1);
    }

    void record(std::chrono::nanoseconds time) {
        const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0));
        ++in_bucket[bucket_of(ns)];
        ++count;
        sum_ns += ns;
    }

    /// Records `time`, and the measurements that were due every `period` meanwhile and could not be made: each
    /// would have taken less by as much as it started later (coordinated omission).
    void record_with_missed(std::chrono::nanoseconds time, std::chrono::nanoseconds period) {
        record(time);
        for (auto left = time - period; left > left.zero(); left -= period)
            record(left);
    }

    /// Returns cumulative counts, as Prometheus wants them: each bucket includes the smaller ones.
    [[nodiscard]] std::array<std::uint64_t, size> cumulative() const {
        auto sums = in_bucket;
        for (std::size_t bucket = 1; bucket < size; ++bucket)
            sums[bucket] += sums[bucket - 1];
        return sums;
    }
};

} // namespace chat
