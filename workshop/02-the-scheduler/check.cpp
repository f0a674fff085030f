// Checks exercise.cpp: two orders that the reader names, and then the reader's task in all 90 orders.
#include "workshop/check.hpp"
#include "workshop/02-the-scheduler/orders.hpp"
#include "workshop/02-the-scheduler/tasks.hpp"

namespace scheduler {
namespace {

asio::awaitable<void> held(std_worker& me) {
    auto guard = co_await me.lock();
    me.write();
    co_await me.acknowledged();
}

bool names_two_tasks(const std::string& order, workshop::report& report) {
    const bool right = is_order(order) && order.size() == 4;
    report.require(right, "'" + order + "' is not an order of two tasks: A and B come twice each");
    return right;
}

void check_orders(workshop::report& report) {
    const auto lives = an_order_that_lives();
    const auto freezes = an_order_that_freezes();
    if (!names_two_tasks(lives, report) || !names_two_tasks(freezes, report))
        return;

    const auto first = run_in_child<std_mutex>(lives, held);
    report.require(first.end == ending::lives,
                   "frozen in " + lives + ", which you said lives: " + first.asks +
                       " asks for the lock while " + first.holds +
                       " sleeps with it. Is one task done before the other begins?");
    const auto second = run_in_child<std_mutex>(freezes, held);
    report.require(second.end == ending::freezes,
                   freezes + " lives, and you said it freezes: a task that has had both turns has"
                             " released the lock. Let one ask while the other sleeps.");
}

void check_task(workshop::report& report) {
    const auto orders = every_order(3);
    int frozen = 0;
    int unfinished = 0;
    std::string an_order;
    std::string mistake;
    for (const auto& order : orders) {
        const auto result = run_in_child<std_mutex>(order, post);
        frozen += result.end == ending::freezes;
        unfinished += result.end == ending::does_not_finish;
        if (result.end == ending::freezes)
            an_order = order;
        if (mistake.empty())
            mistake = result.mistake;
    }
    report.require(mistake.empty(), mistake);
    report.require(frozen == 0, "frozen in " + std::to_string(frozen) + " of 90 orders, as in " +
                                    an_order + ": which guard is alive at the co_await?");
    report.require(unfinished == 0,
                   std::to_string(unfinished) + " of 90 orders end before every task is done");
}

} // namespace
} // namespace scheduler

int main() {
    workshop::report report;
    scheduler::check_orders(report);
    if (report.passed())
        scheduler::check_task(report);
    return report.verdict("All 90 orders of three tasks live.");
}
