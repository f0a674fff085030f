#include "server/chat/frame.hpp"
#include "server/chat/outbox.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

using namespace chat;

namespace {

/// A control frame as Beast would write it.
std::string control_frame(char opcode, const std::string& payload) {
    auto frame = text_frame(payload);
    frame[0] = static_cast<char>(0x80 | opcode);
    return frame;
}

const std::string pong = control_frame(0xA, "pong");
const std::string beasts_close = control_frame(0x8, "");
const std::string own_close = close_frame(1008, "bye");
const std::string ack = text_frame("ack");
const std::string gap = text_frame("gap of 7");
const std::string presence = text_frame("presence");
// One of each length of header that fits here, and an empty one.
const std::vector<std::string> messages = {text_frame("one"), text_frame(""),
                                           text_frame(std::string(130, '3'))};

void push_control(outbox& out, const std::string& bytes) {
    out.push_control(bytes.size(), [&](char* to, std::size_t size) {
        REQUIRE(size == bytes.size());
        std::ranges::copy(bytes, to);
    });
}

/// An outbox and the connection behind it: what a send takes is appended to `received`.
struct connection {
    outbox out;
    std::string received;
    std::size_t cursor = messages.size(); // where in `messages` the news begins

    /// Sends at most that many bytes, as the wire does.
    outbox::outcome send(std::size_t most) {
        std::string frames;
        for (auto i = cursor; i < messages.size(); ++i)
            frames += messages[i];
        const news_batch news{.frames = frames, .count = messages.size() - cursor};
        auto owed = out.gather(news);
        std::string bytes;
        for (const auto& part : owed.parts())
            bytes.append(static_cast<const char*>(part.iov_base), part.iov_len);
        REQUIRE(bytes.size() == owed.bytes());
        const auto sent = std::min(most, bytes.size());
        received += bytes.substr(0, sent);
        const bool is_settled = out.is_settled(owed, sent);
        const auto result = out.settle(owed, sent);
        const bool changed_lanes = result.control_done || result.replies_shrank;
        REQUIRE((!is_settled || (result.news_taken == owed.messages() && !changed_lanes)));
        if (result.control_done)
            out.clear_control();
        REQUIRE(result.news_taken <= news.count);
        cursor += result.news_taken;
        return result;
    }

    outbox::outcome send_rest() { return send(std::string::npos); }

    /// The size of the next send.
    std::size_t owed_bytes() {
        auto copy = *this;
        copy.received.clear();
        copy.send_rest();
        return copy.received.size();
    }
};

/// What is in the lanes, and the frames in the order in which they must be received.
struct scenario {
    std::string_view name;
    void (*fill)(connection&);
    std::vector<std::string> frames;
};

const std::vector<scenario> scenarios = {
    {"only news", [](connection& to) { to.cursor = 0; }, messages},
    {"replies",
     [](connection& to) {
         CHECK(to.out.push_reply(ack));
         to.out.push_gap(gap);
     },
     {ack, gap}},
    {"all lanes",
     [](connection& to) {
         to.cursor = 0;
         to.out.set_presence(presence);
         to.out.push_gap(gap);
         CHECK(to.out.push_reply(ack));
         push_control(to.out, pong);
     },
     {pong, gap, ack, presence, messages[0], messages[1], messages[2]}},
    {"a close frame of Beast's goes behind the replies, and no news goes out",
     [](connection& to) {
         to.cursor = 0;
         to.out.set_presence(presence);
         CHECK(to.out.push_reply(ack));
         push_control(to.out, beasts_close);
     },
     {ack, beasts_close}},
    {"our close frame goes behind the replies, and no news goes out",
     [](connection& to) {
         to.cursor = 0;
         to.out.set_presence(presence);
         CHECK(to.out.push_reply(ack));
         push_control(to.out, pong);
         to.out.push_close(own_close);
     },
     {pong, ack, own_close}},
    {"the rest of a cut message goes before all lanes",
     [](connection& to) {
         to.cursor = 0;
         CHECK(to.send(2).news_taken == 1);
         push_control(to.out, pong);
         CHECK(to.out.push_reply(ack));
     },
     {messages[0], pong, ack, messages[1], messages[2]}},
    {"the rest of a cut pong goes before a close frame, and the close frame is last",
     [](connection& to) {
         push_control(to.out, pong);
         to.send(3);
         CHECK(to.out.push_reply(ack));
         to.out.push_close(own_close);
     },
     {pong, ack, own_close}},
    {"the rest of a cut pong goes before the replies, also when the outbox closes meanwhile",
     [](connection& to) {
         push_control(to.out, pong);
         to.send(3);
         CHECK(to.out.push_reply(ack));
         to.out.close();
     },
     {pong, ack}},
    {"a close frame that was cut is completed, and what is pushed after it is dropped",
     [](connection& to) {
         push_control(to.out, beasts_close);
         to.send(1);
         CHECK(to.out.push_reply(ack));
         to.out.push_gap(gap);
     },
     {beasts_close}},
    {"the rest of a cut reply goes before control and the other replies",
     [](connection& to) {
         CHECK(to.out.push_reply(ack));
         CHECK(to.out.push_reply(gap));
         to.send(1);
         push_control(to.out, pong);
     },
     {ack, pong, gap}},
    {"a presence frame that was cut goes out whole, and then the newest one",
     [](connection& to) {
         to.out.set_presence(presence);
         to.send(4);
         to.out.set_presence(text_frame("replaced"));
         to.out.set_presence(text_frame("newest"));
     },
     {presence, text_frame("newest")}},
};

std::string joined(const std::vector<std::string>& frames) {
    std::string all;
    for (const auto& frame : frames)
        all += frame;
    return all;
}

connection filled(const scenario& with) {
    connection link;
    with.fill(link);
    return link;
}

} // namespace

TEST_CASE("whole frames arrive in the order of the lanes, wherever two sends are cut") {
    for (const auto& [name, fill, frames] : scenarios) {
        CAPTURE(name);
        const auto expected = joined(frames);
        const auto size = filled({name, fill, frames}).owed_bytes();
        for (std::size_t first = 0; first <= size; ++first) {
            for (std::size_t second = 0; second <= size - first; ++second) {
                connection link;
                fill(link);
                link.send(first);
                link.send(second);
                link.send_rest();
                const bool all_is_out = link.owed_bytes() == 0;
                if (link.received == expected && all_is_out)
                    continue; // a CHECK for each pair would take long
                CAPTURE(first);
                CAPTURE(second);
                CHECK(link.received == expected);
                CHECK(all_is_out);
            }
        }
    }
}

TEST_CASE("a send that was cut anywhere reports what it has taken from each lane") {
    const auto& all = scenarios[2];
    REQUIRE(all.name == "all lanes");
    // Where each frame ends. A message is taken as soon as its first byte is sent.
    const auto control_end = pong.size();
    const auto replies_end = control_end + gap.size() + ack.size();
    const auto news_start = replies_end + presence.size();
    const auto size = joined(all.frames).size();
    for (std::size_t sent = 0; sent <= size; ++sent) {
        CAPTURE(sent);
        auto link = filled(all);
        const auto result = link.send(sent);
        CHECK(result.control_done == (sent >= control_end));
        CHECK(result.replies_shrank == (sent > control_end));
        std::uint64_t begun = 0;
        for (auto start = news_start; const auto& message : messages) {
            begun += sent > start ? 1 : 0;
            start += message.size();
        }
        CHECK(result.news_taken == begun);
        CHECK(link.out.owes_only_news() == (sent == size));
        CHECK(link.owed_bytes() == size - sent);
    }
}

TEST_CASE("a reply that has begun does not count as a shrunken lane again") {
    connection link;
    CHECK(link.out.push_reply(ack));
    CHECK(link.send(1).replies_shrank);
    const auto rest = link.send_rest();
    CHECK_FALSE(rest.replies_shrank);
    CHECK(link.received == ack);
}

TEST_CASE("an outbox owes only news until something else is pushed, and again when that is out") {
    connection link;
    CHECK(link.out.owes_only_news());
    const auto sent_alone = [&] {
        CHECK_FALSE(link.out.owes_only_news());
        link.send_rest();
        return link.out.owes_only_news();
    };
    CHECK(link.out.push_reply(ack));
    CHECK(sent_alone());
    link.out.push_gap(gap);
    CHECK(sent_alone());
    link.out.set_presence(presence);
    CHECK(sent_alone());
    push_control(link.out, pong);
    CHECK(sent_alone());
    link.out.push_close(own_close);
    CHECK_FALSE(sent_alone()); // it takes no news any more
}

TEST_CASE("only a send of nothing but news, and of all of it, is settled by itself") {
    outbox out;
    const news_batch news{.frames = messages[0], .count = 1};
    for (std::size_t sent = 0; sent <= messages[0].size(); ++sent)
        CHECK(out.is_settled(out.gather(news), sent) == (sent == messages[0].size()));
    CHECK(out.push_reply(ack));
    const auto with_reply = out.gather(news);
    CHECK_FALSE(out.is_settled(with_reply, with_reply.bytes()));
}

TEST_CASE("after a close frame nothing is accepted, and nothing more is sent") {
    for (const bool own : {false, true}) {
        CAPTURE(own);
        connection link;
        link.cursor = 0;
        if (own)
            link.out.push_close(own_close);
        else
            push_control(link.out, beasts_close);
        CHECK(link.out.is_closing());
        CHECK(link.out.has_own_close() == own);
        CHECK(link.out.push_reply(ack)); // dropped: nobody has to wait for room
        link.out.push_gap(gap);
        link.out.set_presence(presence);
        link.out.push_close(close_frame(1001, "second"));
        CHECK(link.out.has_own_close() == own);
        CHECK(link.send_rest().news_taken == 0);
        CHECK(link.received == (own ? own_close : beasts_close));
        CHECK(link.owed_bytes() == 0);
    }
}

TEST_CASE("what Beast writes after our close frame is not sent, but counts as sent") {
    for (const auto& late : {pong, beasts_close}) {
        connection link;
        link.out.push_close(own_close);
        push_control(link.out, late);
        CHECK(link.out.control_closes() == (late == beasts_close));
        CHECK_FALSE(link.send_rest().control_done); // the wire decides when
        CHECK(link.received == own_close);
        CHECK(link.out.clear_control() == late.size());
        CHECK(link.out.clear_control() == 0);
    }
}

TEST_CASE("a write of Beast's may be longer than a control frame, and is done with its last byte") {
    const std::string answer = "HTTP/1.1 101 Switching Protocols\r\n" + std::string(500, 'x');
    connection link;
    push_control(link.out, answer);
    CHECK_FALSE(link.send(answer.size() - 1).control_done);
    CHECK(link.send(1).control_done);
    push_control(link.out, pong);
    CHECK(link.send_rest().control_done);
    CHECK(link.received == answer + pong);
}

TEST_CASE("the reply lane is bounded, but takes one frame of any size, and a gap always") {
    outbox out;
    CHECK(out.push_reply(text_frame(std::string(100'000, 'x'))));
    CHECK_FALSE(out.push_reply(ack));
    const auto before = out.gather({}).bytes();
    out.push_gap(gap);
    CHECK(out.gather({}).bytes() == before + gap.size());
}

TEST_CASE("a long reply that was cut leaves the lane, and makes room for others") {
    connection link;
    const auto answer = text_frame(std::string(100'000, 'x'));
    CHECK(link.out.push_reply(answer));
    CHECK(link.send(answer.size() / 2).replies_shrank);
    CHECK(link.out.push_reply(ack));
    link.send_rest();
    CHECK((link.received == answer + ack)); // too long to be printed
}
