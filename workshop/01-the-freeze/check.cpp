// Opens the café for three guests. Linked with exercise.cpp it freezes, and the watchdog says so. Linked
// with solution.cpp it passes. Exit codes: 0 passed, 1 wrong, 3 frozen, as for chat-server.
#include "workshop/check.hpp"
#include "workshop/01-the-freeze/cafe.hpp"
#include "workshop/watchdog.hpp"

#include <algorithm>

namespace {

namespace asio = boost::asio;

constexpr auto what_a_freeze_means =
    "the café's only thread waits for a lock, and the task that holds it\n"
    "        sleeps in a co_await that only this thread can end.\n"
    "hint:   which guard is alive while take_order awaits the printer?";

/// The barista: makes that many drinks and returns them in the order she made them.
asio::awaitable<std::vector<std::string>> serve(cafe::shop& here, std::size_t guests) {
    asio::steady_timer clock{co_await asio::this_coro::executor};
    std::vector<std::string> made;
    while (made.size() < guests) {
        {
            auto orders = co_await here.orders.lock();
            if (!orders->open.empty()) {
                made.push_back(orders->open.front());
                orders->open.pop_front();
            }
        } // released: she makes the drink without the book
        clock.expires_after(std::chrono::milliseconds{1});
        co_await clock.async_wait(asio::use_awaitable);
    }
    co_return made;
}

std::string numbers(const std::vector<int>& all) {
    return std::to_string(all[0]) + ", " + std::to_string(all[1]) + ", " + std::to_string(all[2]);
}

} // namespace

int main() {
    const workshop::watchdog patience{what_a_freeze_means};
    asio::io_context loop{1};
    cafe::shop shop{loop};
    std::vector<int> given(3);
    std::vector<std::string> made;

    workshop::spawn(loop, cafe::take_order(shop, "espresso"), given[0]);
    workshop::spawn(loop, serve(shop, 3), made);
    workshop::spawn(loop, cafe::take_order(shop, "tea"), given[1]);
    workshop::spawn(loop, cafe::take_order(shop, "cocoa"), given[2]);
    loop.run();

    workshop::report report;
    const auto& day = shop.day;
    report.require(day.printed.size() == 3, std::to_string(day.printed.size()) +
                                                " of 3 guests got a receipt: await the printer");
    report.require(
        day.not_in_book.empty(),
        (day.not_in_book.empty() ? "" : day.not_in_book.front()) +
            " was printed before it was in the book: the receipt must come after the order");
    std::ranges::sort(made);
    report.require(made == std::vector<std::string>{"cocoa", "espresso", "tea"},
                   "not every drink was made once: each order goes into the book once");
    if (report.passed()) {
        std::ranges::sort(given);
        report.require(given == std::vector{1, 2, 3},
                       "the numbers were " + numbers(given) +
                           ": take the number with you while you hold the lock, others change the"
                           " book afterwards");
    }
    return report.verdict("Three guests, three receipts, three numbers, and the café lives.");
}
