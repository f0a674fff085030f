// Limits how many messages a second a client may send: a token bucket that holds one second's worth,
// or more if configured. It also keeps credit for time in which the server did not read from the
// client, because messages sent meanwhile arrive all at once.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace chat {

/// Loop thread only. Every call takes constant time.
class rate_limit {
public:
    using clock = std::chrono::steady_clock;

    /// How reading from the client went since the last look_back().
    enum class reading { went_on, stood_still, waited_for_the_lock };

    /// Allows `rate` messages a second; 0: no limit.
    rate_limit(std::size_t rate, clock::time_point now)
        : rate_limit{rate, now, rate} {}

    /// The same, with at most `at_once` messages at a time.
    rate_limit(std::size_t rate, clock::time_point now, std::size_t at_once)
        : rate_{static_cast<double>(rate)}
        , most_{static_cast<double>(at_once)}
        , allowance_{most_}
        , refilled_at_{now} {}

    /// Counts a message that was read at this time. Returns false if it exceeds the limit.
    [[nodiscard]] bool allows_one(clock::time_point now) {
        if (rate_ == 0)
            return true;
        refill(now);
        auto& source = allowance_ >= 1 ? allowance_ : credit_;
        if (source < 1)
            return false;
        source -= 1;
        return true;
    }

    /// Allows one more message, if the bucket has room for it.
    void grant_one() { allowance_ = std::min(most_, allowance_ + 1); }

    /// Updates the credit. Call it several times a second.
    void look_back(reading was, clock::time_point now) {
        refill(now);
        switch (was) {
        case reading::went_on:
            // The bucket ran over, so that much credit is no longer needed.
            credit_ -= std::min(credit_, overflow_);
            break;
        case reading::stood_still:
            // Only the longest standstill counts, so a loop that is always late adds no more credit.
            credit_ = std::max(credit_, overflow_);
            break;
        case reading::waited_for_the_lock:
            credit_ += overflow_;
            break;
        }
        overflow_ = 0;
    }

private:
    void refill(clock::time_point now) {
        const std::chrono::duration<double> passed = now - refilled_at_;
        const auto filled = allowance_ + rate_ * passed.count();
        allowance_ = std::min(most_, filled);
        overflow_ += filled - allowance_;
        refilled_at_ = now;
    }

    // In messages.
    double rate_;
    double most_;
    double allowance_;
    double overflow_ = 0; // more than the bucket had room for since the last look_back()
    double credit_ = 0;
    clock::time_point refilled_at_;
};

} // namespace chat
