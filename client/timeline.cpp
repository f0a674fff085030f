#include "client/timeline.hpp"

namespace chat::load {

timeline::timeline(asio::io_context& loop, const ledger& book, nanoseconds interval)
    : book_{book}
    , interval_{interval}
    , stopped_{loop} {}

task<> timeline::keep(time_point start) {
    start_ = start;
    for (auto next = start + interval_; !stopping_; next += interval_) {
        co_await stopped_.wait_until(next);
        take_sample();
    }
}

void timeline::stop() {
    stopping_ = true;
    stopped_.ring();
}

void timeline::take_sample() {
    const auto& now = book_.totals();
    points_.push_back({.t_ms = in_milliseconds(clock::now() - start_),
                       .sent = now.sent - last_.sent,
                       .delivered = now.delivered - last_.delivered,
                       .in_flight = now.in_flight});
    last_ = now;
}

} // namespace chat::load
