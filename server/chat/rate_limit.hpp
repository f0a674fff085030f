// How many messages a second a client may say: a token bucket that holds one second's worth. What a
// client says while the server reads nothing of it comes all at once, so such time is credited in
// full; what of it is not used melts away at the same rate.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace chat {

/// Loop thread only; all in constant time.
class rate_limit {
public:
    using clock = std::chrono::steady_clock;

    /// So many messages a second; 0 is any number.
    rate_limit(std::size_t rate, clock::time_point now)
        : rate_{static_cast<double>(rate)}
        , allowance_{rate_}
        , refilled_at_{now} {}

    /// A message more, read at this time; false when it is one too many.
    [[nodiscard]] bool allows_one(clock::time_point now) {
        if (rate_ == 0)
            return true;
        refill(now);
        allowance_ -= 1;
        return allowance_ >= 0;
    }

    /// The server has read nothing of this client between these two, but for a message that may have
    /// come right after. Once for each span of time.
    void was_not_read(clock::time_point since, clock::time_point now) {
        refill(since);
        allowance_ += worth(now - since);
        refilled_at_ = now;
    }

private:
    [[nodiscard]] double worth(std::chrono::duration<double> time) const {
        return rate_ * time.count();
    }

    void refill(clock::time_point now) {
        if (now <= refilled_at_)
            return;
        const auto passed = worth(now - refilled_at_);
        allowance_ = allowance_ < rate_ ? std::min(rate_, allowance_ + passed)
                                        : std::max(rate_, allowance_ - passed);
        refilled_at_ = now;
    }

    double rate_;
    double allowance_; // messages
    clock::time_point refilled_at_;
};

} // namespace chat
