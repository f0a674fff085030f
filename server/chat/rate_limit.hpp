// How many messages a second a client may say: a token bucket that holds one second's worth. Time in
// which the server read nothing of the client counts in full, as what the client said meanwhile comes
// all at once.
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
        if (allowance_ < rate_)
            allowance_ = std::min(rate_, allowance_ + worth(now - refilled_at_));
        refilled_at_ = now;
    }

    double rate_;
    double allowance_; // messages
    clock::time_point refilled_at_;
};

} // namespace chat
