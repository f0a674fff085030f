// One text is added to an archive that two threads serve. Linked with exercise.cpp, solution.cpp and the
// wrong answers.
#include "workshop/check.hpp"
#include "workshop/07-threads/archive.hpp"
#include "workshop/watchdog.hpp"

#include <optional>

namespace {

/// Runs add() on two threads to its end, and returns the number it gave.
std::optional<int> run(boost::asio::io_context& loop, archive::shelves& shelves) {
    std::optional<int> number;
    boost::asio::co_spawn(loop, archive::add(shelves, "Ulysses"),
                          [&](std::exception_ptr failed, int given) {
                              if (!failed)
                                  number = given;
                              shelves.serve_the_other_request();
                          });
    std::thread other{[&loop] { loop.run(); }};
    loop.run();
    other.join();
    return number;
}

} // namespace

int main() {
    const workshop::watchdog patience{"add() never came to an end"};
    boost::asio::io_context loop{2};
    archive::shelves shelves{loop};
    const auto number = run(loop, shelves);

    workshop::report report;
    report.require(number.has_value(),
                   "add() threw: a task locks this mutex while its thread holds it");
    if (shelves.mutex.unlock_error() == EPERM && shelves.used_strand())
        report.require(false,
                       "EPERM, and the strand did not help: a strand is not a thread. It keeps"
                       " two turns apart, and runs each of them on whichever thread is free.");
    else if (shelves.mutex.unlock_error() == EPERM)
        report.require(false,
                       "EPERM: the guard was taken on one thread and released on another, so the"
                       " mutex refused and is still locked.\n"
                       "       A std::mutex would not have said so. Release the guard before"
                       " the co_await; lock again after it.");
    else if (number && !shelves.mutex.try_lock())
        report.require(false,
                       "the mutex is locked and add() is over: nobody unlocked it. A guard that"
                       " says nothing has released nothing.");
    report.require(
        !report.passed() || shelves.unlocked_uses() == 0,
        "the index was used without holding the lock: what follows the co_await needs a lock"
        " of its own, taken there");
    report.require(!number || shelves.index().contains(*number), "the title is not in the index");
    report.require(shelves.fetched(), "the text was never fetched: await fetch()");
    return report.verdict("Taken and released on the same thread, twice.");
}
