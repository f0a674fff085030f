// Plans when each message is sent. The open loop fixes all times in advance, so that a slow server cannot
// slow down the plan and thereby hide its delays (coordinated omission).
#pragma once

#include "client/time.hpp"

#include <algorithm>
#include <cstdint>

namespace chat::load {

/// Open loop: `rate` messages per second in total. The senders take turns.
class schedule {
public:
    schedule(time_point start, double rate, std::uint32_t senders)
        : start_{start}
        , interval_ns_{std::min(1e9 / rate, never_ns)}
        , senders_{senders} {}

    /// Returns when `sender` sends its message number `number` (both count from 0), at most about a century
    /// after the start. Each time is computed from the start, so rounding errors do not add up.
    time_point planned(std::uint32_t sender, std::uint64_t number) const {
        const auto turn = static_cast<double>(number) * static_cast<double>(senders_) + sender;
        const auto after_ns = std::min(turn * interval_ns_, never_ns);
        return start_ + nanoseconds{static_cast<nanoseconds::rep>(after_ns)};
    }

    /// Returns how many messages of `sender` are planned before `end`.
    std::uint64_t planned_before(std::uint32_t sender, time_point end) const {
        std::uint64_t least = 0;
        std::uint64_t most = 1;
        while (planned(sender, most) < end)
            most *= 2;
        while (least < most) {
            const auto middle = least + (most - least) / 2;
            if (planned(sender, middle) < end)
                least = middle + 1;
            else
                most = middle;
        }
        return least;
    }

private:
    static constexpr double never_ns = 3e18;

    time_point start_;
    double interval_ns_;
    std::uint64_t senders_;
};

} // namespace chat::load
