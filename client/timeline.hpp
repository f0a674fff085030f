// Records at regular intervals how many messages were sent and delivered. Loop thread only.
#pragma once

#include "client/bell.hpp"
#include "client/ledger.hpp"
#include "client/report/report.hpp"

#include <vector>

namespace chat::load {

class timeline {
public:
    timeline(asio::io_context& loop, const ledger& book, nanoseconds interval);

    /// Records samples until stop().
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
