// Latencies, counted in buckets whose width grows with the value: any quantile within 0.4 %, in
// constant memory, a few nanoseconds a value.
#pragma once

#include "client/time.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace chat::load {

class histogram {
public:
    histogram();

    /// Counts the value `times` times; less than nothing counts as nothing.
    void record(nanoseconds value, std::uint64_t times = 1);
    void merge(const histogram& other);

    std::uint64_t count() const { return count_; }

    nanoseconds max() const { return nanoseconds{static_cast<nanoseconds::rep>(max_)}; }

    /// The value that the share `q` (0 to 1) of all values does not exceed; 0 when there are none.
    nanoseconds quantile(double q) const;

private:
    // Values below `fine` have a bucket each. Above, every power of two is cut into `fine / 2`
    // buckets: two neighbours differ by at most 2 / fine = 0.4 % of their value.
    static constexpr unsigned fine_bits = 9;
    static constexpr std::uint64_t fine = 1U << fine_bits;

    static std::size_t bucket_of(std::uint64_t value);
    static std::uint64_t highest_in(std::size_t bucket);

    std::vector<std::uint64_t> buckets_;
    std::uint64_t count_ = 0;
    std::uint64_t max_ = 0;
};

} // namespace chat::load
