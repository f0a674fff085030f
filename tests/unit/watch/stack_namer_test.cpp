// Reports whose stacks are named on another thread, and what comes back on the watch thread.
#include <doctest/doctest.h>

#include "server/watch/stack_namer.hpp"

#include <vector>

using namespace chat;

namespace {

struct naming {
    boost::asio::io_context watch{1};
    std::vector<std::int64_t> named; // the stalled_ms of each report that came back
    stack_namer namer{watch, [this](const stall_report& report) {
                          CHECK(report.loop.stack);
                          named.push_back(report.stalled.count());
                      }};

    void name(int number) {
        stall_report report;
        report.stalled = stall_report::milliseconds{number};
        namer.name(std::move(report), {});
    }

    /// Runs handlers until the naming thread has nothing left to do.
    void turn(int handlers) {
        const auto until_done = boost::asio::make_work_guard(watch);
        for (int i = 0; i < handlers; ++i)
            watch.run_one();
    }
};

} // namespace

TEST_CASE("a report comes back with its stack") {
    naming all;
    all.name(1);
    all.turn(1);
    CHECK(all.named == std::vector<std::int64_t>{1});
}

TEST_CASE("of the reports that come while one is being named, only the newest is named") {
    naming all;
    for (int number : {1, 2, 3})
        all.name(number);
    all.turn(2);
    CHECK(all.named == std::vector<std::int64_t>{3});
}

TEST_CASE("a report that a newer one supersedes does not come back") {
    naming all;
    all.name(1);
    all.namer.supersede();
    all.turn(1);
    CHECK(all.named.empty());
}
