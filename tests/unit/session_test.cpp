#include "server/chat/frame.hpp"
#include "tests/unit/place.hpp"

#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace chat;

namespace {

using tcp = asio::ip::tcp;

/// A session on loopback, without its reader.
struct place_of_one : place {
    wire::socket_type peer{loop.get_executor()};
    std::shared_ptr<session> member = make_session(accept());

    wire::socket_type accept() {
        tcp::acceptor acceptor{loop, {asio::ip::address_v4::loopback(), 0}};
        peer.connect(acceptor.local_endpoint());
        wire::socket_type accepted{loop.get_executor()};
        acceptor.accept(accepted);
        return accepted;
    }

    /// What the holder of the lock sleeps on.
    lock_suspension asleep() {
        const auto holder = ledger.snapshot(0).holder;
        REQUIRE(holder);
        REQUIRE(holder->suspended);
        return *holder->suspended;
    }
};

/// As room::say does in the across_await builds.
task<> reply_with_the_lock(place_of_one& here) {
    here.ledger.acquired(nullptr, {"say", here.member->id()}, false);
    co_await here.member->reply("ack");
    here.ledger.released();
}

} // namespace

TEST_CASE(
    "who sleeps in a reply with the lock says whether on room for it or on a turn of the loop") {
    place_of_one here;
    REQUIRE(here.member->out().push_reply(text_frame(std::string(100'000, 'x')))); // not sent yet
    bool failed = false;
    asio::co_spawn(here.loop, reply_with_the_lock(here),
                   [&](std::exception_ptr error) { failed = error != nullptr; });
    here.loop.poll();
    CHECK(here.asleep().awaiting == std::string{"room in the reply lane"});
    CHECK(here.asleep().whom == here.member->id());

    here.member->out().flush(); // the kernel takes some of it
    REQUIRE(here.loop.run_one() == 1);
    CHECK(here.asleep().awaiting == std::string{"its ack, in a turn of the loop"});
    CHECK(here.asleep().whom == 0);

    here.loop.poll();
    CHECK_FALSE(failed);
    CHECK_FALSE(here.ledger.snapshot(0).holder);
}
