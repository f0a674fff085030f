#include "server/chat/frame.hpp"
#include "server/chat/send_round.hpp"
#include "tests/unit/chat/session_world.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/read.hpp>
#include <doctest/doctest.h>

#include <array>
#include <exception>
#include <string>
#include <vector>

using namespace chat;

namespace {

/// Sessions on loopback, without their readers, and a buffer of messages for them.
struct sending_world : session_world {
    message_buffer messages{{}};
    send_round round;

    struct client {
        explicit client(sending_world& at)
            : peer{at.loop.get_executor()}
            , member{at.make_session(peer)} {}

        /// Does what the deliver task does, once.
        void deliver(sending_world& at) {
            static_cast<void>(at.round.send(*member, member->progress.take(at.messages)));
        }

        /// Reads exactly `size` bytes.
        std::string receives(std::size_t size) {
            std::string bytes(size, '\0');
            REQUIRE(peer.available() >= size); // loopback delivers at once
            asio::read(peer, asio::buffer(bytes));
            return bytes;
        }

        /// Does what the deliver task does, until everything was taken.
        task<> deliver_all(sending_world& at) {
            while (member->progress.is_behind(at.messages.newest())) {
                if (at.round.send(*member, member->progress.take(at.messages)) == 0)
                    co_await member->out().takes_news();
            }
        }

        /// Reads `size` bytes while the loop delivers everything.
        std::string receives_rest(sending_world& at, std::size_t size) {
            std::string bytes(size, '\0');
            bool done = false;
            std::exception_ptr failed;
            asio::co_spawn(at.loop, deliver_all(at),
                           [&](std::exception_ptr error) { failed = error; });
            asio::async_read(peer, asio::buffer(bytes), [&](auto...) { done = true; });
            while (!done && !failed)
                REQUIRE(at.loop.run_one() == 1);
            if (failed)
                std::rethrow_exception(failed);
            return bytes;
        }

        wire::socket_type peer;
        std::shared_ptr<session> member;
    };
};

} // namespace

TEST_CASE("without a round, news is sent at once") {
    sending_world here;
    sending_world::client one{here};
    here.messages.append("1}");
    one.deliver(here);
    CHECK(one.member->progress.cursor() == 1);
    const std::string all{here.messages.since(0).frames};
    CHECK(one.receives(all.size()) == all);
}

TEST_CASE(
    "a round sends at its end, to each client what it lacks, whatever the number of clients") {
    sending_world here;
    std::vector<sending_world::client> clients;
    for (int i = 0; i < 150; ++i)
        clients.emplace_back(here);
    here.messages.append("1}");
    clients.front().deliver(here);
    here.messages.append("2}");
    const std::string all{here.messages.since(0).frames};
    {
        const send_round::open opened{here.round};
        for (auto& client : clients)
            client.deliver(here);
        // The round has no room for all. It has sent the first ones already, and the last ones not.
        CHECK(clients[1].peer.available() == all.size());
        CHECK(clients.back().peer.available() == 0);
    }
    CHECK(clients.front().receives(all.size()) == all);
    for (auto& client : clients)
        CHECK(client.member->progress.cursor() == 2);
    for (std::size_t i = 1; i < clients.size(); ++i)
        CHECK(clients[i].receives(all.size()) == all);
}

TEST_CASE("messages that the socket does not take are given back, and deliver is woken") {
    sending_world here;
    sending_world::client one{here}, other{here};
    while (here.messages.since(0).frames.size() < 60'000)
        here.messages.append(std::string(500, '.') + '}');
    const std::string all{here.messages.since(0).frames};
    {
        const send_round::open opened{here.round};
        one.deliver(here);
        CHECK(one.member->progress.cursor() == here.messages.newest());
        other.deliver(here);
    }
    CHECK(one.member->progress.cursor() < here.messages.newest());
    CHECK(one.member->out().blocked_since());
    bool woken = false;
    one.member->progress.has_news.wait()([&] { woken = true; });
    while (!woken)
        REQUIRE(here.loop.run_one() == 1);

    CHECK((one.receives_rest(here, all.size()) == all)); // too long to be printed
}

TEST_CASE(
    "messages in two blocks keep their order, even if the socket takes only some of the first") {
    sending_world here;
    sending_world::client one{here};
    const auto in_first_block = [&] { return here.messages.since(0).count; };
    do
        here.messages.append(std::string(500, '.') + '}');
    while (in_first_block() + 10 > here.messages.newest());
    std::string all{here.messages.since(0).frames};
    all += here.messages.since(in_first_block()).frames;
    {
        const send_round::open opened{here.round};
        one.deliver(here);
        one.deliver(here);
    }
    CHECK((one.receives_rest(here, all.size()) == all)); // too long to be printed
}

TEST_CASE("a client that is gone does not disturb the round") {
    sending_world here;
    sending_world::client gone{here}, other{here};
    here.messages.append("1}");
    const std::string all{here.messages.since(0).frames};
    gone.peer.set_option(asio::socket_base::linger{true, 0});
    gone.peer.close();
    std::array<char, 1> byte{};
    error_code reset;
    gone.member->out().async_read_some(asio::buffer(byte),
                                       [&](error_code error, std::size_t) { reset = error; });
    here.loop.run_one();
    REQUIRE(reset == asio::error::connection_reset);
    {
        const send_round::open opened{here.round};
        gone.deliver(here);
        other.deliver(here);
    }
    CHECK(gone.member->out().is_closing());
    CHECK(other.receives(all.size()) == all);
}

TEST_CASE("a client that is leaving, or is owed more than news, is sent to at once") {
    sending_world here;
    sending_world::client owed{here}, going{here};
    here.messages.append("1}");
    const std::string news{here.messages.since(0).frames};
    const auto reply = text_frame("ack");
    const send_round::open opened{here.round};
    REQUIRE(owed.member->out().push_reply(reply));
    owed.deliver(here);
    CHECK(owed.receives(reply.size() + news.size()) == reply + news);
    going.member->leave_when_delivered();
    going.deliver(here);
    CHECK(going.receives(news.size()) == news);
}
