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

/// Sessions on loopback without their readers, and messages to send.
struct sending_world : session_world {
    message_buffer messages{{}};
    send_round round;

    struct client {
        explicit client(sending_world& at)
            : peer{at.loop.get_executor()}
            , member{at.make_session(peer)} {}

        /// Does what room::deliver does, once.
        void deliver(sending_world& at) {
            member->cursor += at.round.send(*member, at.messages.since(member->cursor));
        }

        /// Reads exactly this many bytes.
        std::string receives(std::size_t size) {
            std::string bytes(size, '\0');
            REQUIRE(peer.available() >= size); // on loopback, sent bytes arrive at once
            asio::read(peer, asio::buffer(bytes));
            return bytes;
        }

        /// Does what room::deliver does, until every message has been taken.
        task<> deliver_all(sending_world& at) {
            while (member->cursor < at.messages.newest()) {
                if (const auto taken = at.round.send(*member, at.messages.since(member->cursor)))
                    member->cursor += taken;
                else
                    co_await member->out().takes_news();
            }
        }

        /// Runs the loop to deliver every message, and reads this many bytes meanwhile.
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
    CHECK(one.member->cursor == 1);
    const std::string all{here.messages.since(0).frames};
    CHECK(one.receives(all.size()) == all);
}

TEST_CASE("a round sends each client its news at the end, whatever the number of clients") {
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
        // A round defers only so many clients: the first were sent to, the last not yet.
        CHECK(clients[1].peer.available() == all.size());
        CHECK(clients.back().peer.available() == 0);
    }
    CHECK(clients.front().receives(all.size()) == all);
    for (auto& client : clients)
        CHECK(client.member->cursor == 2);
    for (std::size_t i = 1; i < clients.size(); ++i)
        CHECK(clients[i].receives(all.size()) == all);
}

TEST_CASE("messages that the socket does not take are given back, and deliver is woken for them") {
    sending_world here;
    sending_world::client one{here}, other{here};
    while (here.messages.since(0).frames.size() < 60'000)
        here.messages.append(std::string(500, '.') + '}');
    const std::string all{here.messages.since(0).frames};
    {
        const send_round::open opened{here.round};
        one.deliver(here);
        CHECK(one.member->cursor == here.messages.newest());
        other.deliver(here);
    }
    CHECK(one.member->cursor < here.messages.newest());
    CHECK(one.member->out().blocked_since());
    bool woken = false;
    one.member->has_news.wait()([&] { woken = true; });
    while (!woken)
        REQUIRE(here.loop.run_one() == 1);

    CHECK((one.receives_rest(here, all.size()) == all)); // not to be printed
}

TEST_CASE("news in two blocks keeps its order, even if the first block is sent in part") {
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
    CHECK((one.receives_rest(here, all.size()) == all)); // not to be printed
}

TEST_CASE("a client that has left does not disturb the round") {
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

TEST_CASE("news for a client that is owed a reply, or is leaving, is sent at once and in order") {
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
