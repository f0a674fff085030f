// When each message should leave. The open loop plans all times in advance, so that a server that
// is late cannot slow the plan down and hide its lateness (coordinated omission).
#pragma once

#include "client/time.hpp"

#include <cstdint>

namespace chat::load {

/// Open loop: `rate` messages a second in total, shared evenly by the senders, taking turns.
class schedule {
public:
    schedule(time_point start, double rate, std::uint32_t senders)
        : start_{start}
        , interval_ns_{1e9 / rate}
        , senders_{senders} {}

    /// When `sender` should send its message number `number` (both from 0). Computed from the start
    /// each time: rounding does not add up.
    time_point planned(std::uint32_t sender, std::uint64_t number) const {
        const auto turn = static_cast<double>(number * senders_ + sender);
        return start_ + nanoseconds{static_cast<nanoseconds::rep>(turn * interval_ns_)};
    }

private:
    time_point start_;
    double interval_ns_;
    std::uint64_t senders_;
};

} // namespace chat::load
