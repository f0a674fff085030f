// Takes down, at regular intervals, what was sent and delivered since the last time.
#pragma once

#include "client/bell.hpp"
#include "client/ledger.hpp"
#include "client/report/report.hpp"

#include <vector>

namespace chat::load {

class timeline {
public:
    timeline(asio::io_context& loop, const ledger& book, nanoseconds interval);

    /// Runs until stop().
    task<> keep(time_point start);
    void stop();

    const std::vector<timeline_point>& points() const { return points_; }

private:
    void take_sample();

    const ledger& book_;
    nanoseconds interval_;
    bell stopped_;
    bool stopping_ = false;
    time_point start_{};
    tally last_{};
    std::vector<timeline_point> points_;
};

} // namespace chat::load
