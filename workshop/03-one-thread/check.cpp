// Ten visitors come at the same time, on one thread. Linked with exercise.cpp, solution.cpp and the
// wrong answers.
#include "workshop/check.hpp"
#include "workshop/03-one-thread/gate.hpp"
#include "workshop/watchdog.hpp"

#include <string>

int main() {
    const workshop::watchdog patience{
        "a visitor's lock() blocks the only thread while another sleeps with the lock.\n"
        "hint:   the counter needs no lock at all, if one turn both reads and writes it."};
    boost::asio::io_context loop{1};
    fair::gate gate{loop};
    for (int i = 0; i < 10; ++i)
        workshop::spawn(loop, fair::visit(gate));
    loop.run();

    workshop::report report;
    report.require(gate.visitors == 10,
                   std::to_string(gate.visitors) +
                       " of 10 visitors are counted: each task reads the counter in one turn and"
                       " writes it in a later one, and all the others read in between.\n"
                       "       A strand or an atomic does not help: it protects one turn, or one"
                       " access. Read and write in the same turn.");
    report.require(gate.saved.size() == 10,
                   std::to_string(gate.saved.size()) + " of 10 numbers are saved: await save()");
    std::ranges::sort(gate.saved);
    const auto twice = std::ranges::adjacent_find(gate.saved);
    if (report.passed() && twice != gate.saved.end())
        report.require(false, "number " + std::to_string(*twice) +
                                  " is saved more than once: the counter is right, but the number"
                                  " was used before it was taken. Take it, then save it.");
    if (report.passed())
        report.require(gate.most_saving == 10,
                       "all are counted, but the saves waited for each other: a lock is held across"
                       " save(), and none is needed");
    return report.verdict("Ten visitors, ten numbers, ten saves at the same time, and no lock.");
}
