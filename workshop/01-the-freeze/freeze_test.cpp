// Opens the café for three customers. Linked with exercise.cpp it freezes, and the watchdog says
// so; linked with solution.cpp it passes. Exit codes: 0 passed, 1 failed, 3 frozen, as of
// chat-server.
#include <doctest/doctest.h>

#include "workshop/01-the-freeze/cafe.hpp"
#include "workshop/watchdog.hpp"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>

namespace asio = boost::asio;

namespace {

constexpr auto what_a_freeze_means =
    "the café's only thread waits for a lock, and the task that holds it\n"
    "        sleeps in a co_await that only this thread could end.\n"
    "hint:   which guard is alive while take_order awaits the printer?";

/// What comes of a task is stored; what it throws is thrown out of loop.run().
template <class T>
void spawn(asio::io_context& loop, asio::awaitable<T> task, T& result) {
    asio::co_spawn(loop, std::move(task), [&result](std::exception_ptr failed, T value) {
        if (failed)
            std::rethrow_exception(failed);
        result = std::move(value);
    });
}

} // namespace

TEST_CASE("three customers get their receipts, their numbers and their drinks") {
    const workshop::watchdog patience{what_a_freeze_means};
    asio::io_context loop{1};
    cafe::shop shop{loop};
    int first = 0;
    int second = 0;
    int third = 0;
    std::vector<std::string> made;

    spawn(loop, cafe::take_order(shop, "espresso"), first);
    spawn(loop, cafe::serve(shop, 3), made);
    spawn(loop, cafe::take_order(shop, "tea"), second);
    spawn(loop, cafe::take_order(shop, "cocoa"), third);
    loop.run();

    const std::vector<std::string> drinks{"espresso", "tea", "cocoa"};
    CHECK(made == drinks);
    CHECK_MESSAGE(std::ranges::is_permutation(shop.printer.printed(), drinks),
                  "everybody gets a receipt: await the printer");
    CHECK_MESSAGE((first == 1 && second == 2 && third == 3),
                  "the numbers were " << first << ", " << second << ", " << third
                                      << ": take the number with you while you hold the lock,"
                                         " others change the book afterwards");
}
