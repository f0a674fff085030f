// Ten transfers between two accounts, one of an account to itself, and an auditor. Linked with
// exercise.cpp, solution.cpp and the wrong answers.
#include "workshop/check.hpp"
#include "workshop/10-still-stuck/bank.hpp"
#include "workshop/watchdog.hpp"

#include <string>

namespace asio = boost::asio;

namespace {

struct day {
    asio::io_context loop{1};
    bank::account first{loop, 1};
    bank::account second{loop, 2};
    int started = 0;
    int ended = 0;
    int ticks = 0;
    int counted = 200; // by the auditor, when it was not 200
};

asio::awaitable<void> transfer(day& today, bank::account& from, bank::account& to, int cents) {
    ++today.started;
    co_await bank::transfer(from, to, cents);
    ++today.ended;
}

/// Locks both accounts in the order of their numbers, and counts. So a transfer in the same order
/// never meets it in a cycle.
asio::awaitable<void> audit(day& today) {
    for (int i = 0; i < 20 && today.ended < today.started; ++i) {
        {
            auto one = co_await today.first.mutex.lock();
            auto two = co_await today.second.mutex.lock();
            if (const int cents = today.first.cents + today.second.cents; cents != 200)
                today.counted = cents;
        }
        asio::steady_timer pause{today.loop, std::chrono::milliseconds{1}};
        co_await pause.async_wait(asio::use_awaitable);
    }
}

/// Ends when every transfer has ended, or after 60 ticks of 10 ms, which is ten times as long as they
/// take. A busy machine makes the ticks longer too.
asio::awaitable<void> tick(day& today) {
    asio::steady_timer clock{today.loop};
    while (today.ended < today.started && today.ticks < 60) {
        clock.expires_after(std::chrono::milliseconds{10});
        co_await clock.async_wait(asio::use_awaitable);
        ++today.ticks;
    }
    today.loop.stop();
}

void run(day& today) {
    workshop::spawn(today.loop, audit(today));
    workshop::spawn(today.loop, tick(today));
    today.loop.run();
}

std::string stuck(const day& today) {
    return "the loop turns (" + std::to_string(today.ticks) + " ticks), and " +
           std::to_string(today.started - today.ended) + " of " + std::to_string(today.started) +
           " transfers wait permanently: ";
}

} // namespace

int main() {
    const workshop::watchdog patience{"the thread is blocked: this lesson needs no std::mutex"};
    workshop::report report;

    day today;
    for (int i = 0; i < 5; ++i) {
        workshop::spawn(today.loop, transfer(today, today.first, today.second, 10));
        workshop::spawn(today.loop, transfer(today, today.second, today.first, 7));
    }
    run(today);
    report.require(today.ended == today.started,
                   stuck(today) +
                       "one holds the first account and wants the second, another holds the"
                       " second and wants the first.\n"
                       "       No thread is blocked, so no debugger shows it. Let everybody"
                       " lock in the same order.");
    report.require(
        today.counted == 200,
        "the auditor counted " + std::to_string(today.counted) +
            " cents of 200: the money was on its way, and both accounts were not locked");
    if (report.passed())
        report.require(today.first.cents == 85 && today.second.cents == 115,
                       "the accounts have " + std::to_string(today.first.cents) + " and " +
                           std::to_string(today.second.cents) +
                           " cents, not 85 and 115: a transfer gave up. A timeout turns a hang into"
                           " an error that somebody must handle.");

    if (report.passed()) {
        day alone;
        workshop::spawn(alone.loop, transfer(alone, alone.first, alone.first, 10));
        run(alone);
        report.require(alone.ended == 1, stuck(alone) +
                                             "it goes from an account to itself, and the task waits"
                                             " for its own lock. No order helps against that.");
    }
    return report.verdict("Ten transfers, both ways, and no circle.");
}
