#include "server/chat/frame.hpp"
#include "tests/unit/chat/session_world.hpp"

#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

using namespace chat;

namespace {

/// A session on loopback, without its reader.
struct world_of_one : session_world {
    wire::socket_type peer{loop.get_executor()};
    std::shared_ptr<session> member = make_session(peer);

    /// Returns what the holder of the lock is suspended on.
    lock_suspension asleep() {
        const auto holder = ledger.snapshot(0).holder;
        REQUIRE(holder);
        REQUIRE(holder->suspended);
        return *holder->suspended;
    }
};

/// Does what room::say does in the across_await builds.
task<> reply_with_the_lock(world_of_one& here) {
    here.ledger.acquired(nullptr, {"say", here.member->id()}, false);
    co_await here.member->reply(std::string(60'000, 'x')); // most of the lane
    here.ledger.released();
}

} // namespace

TEST_CASE(
    "a lock holder suspended in a reply reports whether it awaits room or a turn of the loop") {
    world_of_one here;
    while (here.member->out().push_reply(text_frame(std::string(1000, 'x')))) {
    }
    bool failed = false;
    asio::co_spawn(here.loop, reply_with_the_lock(here),
                   [&](std::exception_ptr error) { failed = error != nullptr; });
    here.loop.poll();
    const std::string room{"room in the reply lane"};
    CHECK(here.asleep().awaiting == room);
    CHECK(here.asleep().whom == here.member->id());

    std::array<char, 4096> some{};
    while (here.asleep().awaiting == room) {
        here.peer.read_some(asio::buffer(some));
        here.loop.poll_one();
    }
    CHECK(here.asleep().awaiting == std::string{"its ack, in a turn of the loop"});
    CHECK(here.asleep().whom == 0);

    here.loop.poll();
    CHECK_FALSE(failed);
    CHECK_FALSE(here.ledger.snapshot(0).holder);
}
