#include "client/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace chat::load {

histogram::histogram()
    : buckets_(bucket_of(std::uint64_t{1} << 47)) {} // about 39 hours

std::size_t histogram::bucket_of(std::uint64_t value) {
    if (value < fine)
        return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - fine_bits;
    return shift * (fine / 2) + (value >> shift);
}

std::uint64_t histogram::highest_in(std::size_t bucket) {
    if (bucket < fine)
        return bucket;
    const auto shift = bucket / (fine / 2) - 1;
    const auto mantissa = bucket - shift * (fine / 2);
    return ((mantissa + 1) << shift) - 1;
}

void histogram::record(nanoseconds value, std::uint64_t times) {
    const auto ns = static_cast<std::uint64_t>(std::max<nanoseconds::rep>(value.count(), 0));
    buckets_[std::min(bucket_of(ns), buckets_.size() - 1)] += times;
    count_ += times;
    if (times > 0)
        max_ = std::max(max_, ns);
}

void histogram::merge(const histogram& other) {
    for (std::size_t i = 0; i < buckets_.size(); ++i)
        buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
}

nanoseconds histogram::quantile(double q) const {
    const auto wanted = std::max(std::ceil(q * static_cast<double>(count_)), 1.0);
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size() && count_ > 0; ++i) {
        seen += buckets_[i];
        if (static_cast<double>(seen) >= wanted)
            return std::min(nanoseconds{static_cast<nanoseconds::rep>(highest_in(i))}, max());
    }
    return max();
}

} // namespace chat::load
