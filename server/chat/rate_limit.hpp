// How many messages a second a client may say: a token bucket that holds one second's worth, or more if
// it is told so. Beside it lies credit for time in which the server read nothing of the client, as what it said meanwhile comes
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

    /// How the client was read since the last look.
    enum class reading { went_on, stood_still, waited_for_the_lock };

    /// So many messages a second; 0 is any number.
    rate_limit(std::size_t rate, clock::time_point now)
        : rate_limit{rate, now, rate} {}

    /// The same, and so many at once.
    rate_limit(std::size_t rate, clock::time_point now, std::size_t at_once)
        : rate_{static_cast<double>(rate)}
        , most_{static_cast<double>(at_once)}
        , allowance_{most_}
        , refilled_at_{now} {}

    /// A message more, read at this time; false when it is one too many.
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

    /// Allows one more, if there is room for it.
    void grant_one() { allowance_ = std::min(most_, allowance_ + 1); }

    /// To be called several times a second.
    void look_back(reading was, clock::time_point now) {
        refill(now);
        switch (was) {
        case reading::went_on:
            // It ran over, so credit is not needed any more.
            credit_ -= std::min(credit_, overflow_);
            break;
        case reading::stood_still:
            // The longest counts: a loop that is always late saves up nothing.
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
    double overflow_ = 0; // what the bucket had no room for since the last look
    double credit_ = 0;
    clock::time_point refilled_at_;
};

} // namespace chat
