// Opens the till for three customers. Linked with exercise.cpp it freezes, and the watchdog says so;
// linked with solution.cpp it passes. Exit codes: 0 passed, 1 failed, 3 frozen, as of chat-server.
#include <doctest/doctest.h>

#include "workshop/06-what-the-tools-say/till.hpp"
#include "workshop/watchdog.hpp"

#include <boost/asio/co_spawn.hpp>

namespace asio = boost::asio;

namespace {

constexpr auto what_a_freeze_means =
    "the second customer's lock() blocks the only thread, and the first\n"
    "        one's card is read by that thread.\n"
    "hint:   what would clang-tidy say if the lock were a std::unique_lock?";

void end_if_failed(std::exception_ptr failed) {
    if (failed)
        std::rethrow_exception(failed);
}

} // namespace

TEST_CASE("three customers pay by card") {
    const workshop::watchdog patience{what_a_freeze_means};
    asio::io_context loop{1};
    shop::till till{loop};
    for (const int cents : {250, 300, 120})
        asio::co_spawn(loop, shop::pay(till, cents), end_if_failed);
    loop.run();

    CHECK(till.cents == 670);
    CHECK_MESSAGE(till.cards == 3, "everybody's card is read: await the reader");
    CHECK_MESSAGE(till.mutex.try_lock(), "the till is left locked");
}
