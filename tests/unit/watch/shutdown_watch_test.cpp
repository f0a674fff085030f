// When a shutdown is given up, as a table.
#include <doctest/doctest.h>

#include "server/watch/shutdown_watch.hpp"

using namespace chat;
using namespace std::chrono_literals;

TEST_CASE(
    "a shutdown is given up if the loop is silent and cannot come back, or the time is over") {
    using time_point = shutdown_watch::clock::time_point;
    const time_point deadline{100s};

    struct row {
        const char* claim;
        std::optional<time_point> deadline;
        time_point now;
        shutdown_watch::clock::duration silent;
        bool is_deadlocked;
        bool expected;
    };

    for (const row& each : {
             row{"nobody asked for a shutdown", {}, deadline + 1s, 60s, true, false},
             row{"the loop has not had time to turn", deadline, deadline + 1s, 499ms, true, false},
             row{"a deadlock never ends", deadline, deadline - 4s, 500ms, true, true},
             row{"any other silence may end", deadline, deadline - 4s, 3s, false, false},
             row{"the time is over", deadline, deadline, 500ms, false, true},
         }) {
        CAPTURE(each.claim);
        CHECK(shutdown_watch::is_hopeless(each.deadline, each.now, each.silent,
                                          [&] { return each.is_deadlocked; }) == each.expected);
    }
}
