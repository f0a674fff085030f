#include "server/chat/liveness.hpp"

#include <algorithm>

namespace chat {

namespace {

using duration = liveness_signs::time_point::duration;

constexpr std::chrono::seconds time_to_leave{5};
constexpr std::chrono::seconds time_to_take_the_close_frame{1};

liveness_step step_of_leaver(const liveness_signs& seen, liveness_signs::time_point now) {
    const bool takes_nothing =
        seen.blocked_since &&
        now - std::max(*seen.leaving_since, *seen.blocked_since) > time_to_take_the_close_frame;
    if (!takes_nothing && now - *seen.leaving_since <= time_to_leave)
        return liveness_step::none;
    return seen.blocked_since ? liveness_step::reset : liveness_step::close;
}

// During a shutdown a client that blocks the others gets a shorter timeout, so that they still receive
// everything that was said.
duration write_timeout(const liveness_signs& seen, const session_limits& limits) {
    return seen.holds_up_the_shutdown
               ? std::min<duration>(limits.write_timeout, time_to_take_the_close_frame)
               : limits.write_timeout;
}

} // namespace

liveness_step next_step(const liveness_signs& seen, const session_limits& limits,
                        liveness_signs::time_point now) {
    if (seen.leaving_since)
        return step_of_leaver(seen, now);
    if (seen.blocked_since && now - *seen.blocked_since > write_timeout(seen, limits))
        return liveness_step::leave_slow;
    const auto quiet_time = limits.idle_timeout / 2;
    if (seen.pinged > seen.heard && now - seen.pinged > quiet_time)
        return liveness_step::leave_idle;
    if (now - seen.heard > quiet_time && seen.pinged < seen.heard && !seen.ping_is_out)
        return liveness_step::ping;
    return liveness_step::none;
}

} // namespace chat
