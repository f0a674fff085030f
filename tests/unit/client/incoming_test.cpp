// Reading the server's messages, with and without the JSON parser; stamps.
#include "client/incoming.hpp"

#include <doctest/doctest.h>

using namespace chat::load;

namespace {

const std::string run = "0123abcd";

said message(std::string_view frame) {
    const auto got = read_incoming(run, frame);
    REQUIRE(std::holds_alternative<said>(got));
    return std::get<said>(got);
}

} // namespace

TEST_CASE("a stamp can be read back from a text of any allowed length") {
    const stamp largest{.sender = 4294967295, .number = 4294967295};
    for (const std::size_t bytes : {min_message_bytes, std::size_t{64}, std::size_t{4096}}) {
        const auto text = stamped_text(run, largest, bytes);
        CHECK(text.size() == bytes);
        CHECK(read_stamp(run, text) == largest);
        CHECK_FALSE(read_stamp("ffffffff", text));
    }
}

TEST_CASE("a text that only resembles a stamp is rejected") {
    for (const auto* text :
         {"", "load", "load 0123abcd", "load 0123abcd ", "load 0123abcd 1", "load 0123abcd 1 2",
          "load 0123abcd 1 -2 ", "load 0123abcd x 2 ", "load 0123abcd 99999999999 2 "})
        CHECK_FALSE(read_stamp(run, text));
}

TEST_CASE("a message of this run is recognised, whatever the author's name is") {
    const auto got = message(
        R"({"type":"message","seq":42,"id":7,"from":"a,\"text\":\"b","text":"load 0123abcd 3 17 ...","time":"…"})");
    CHECK(got.seq == 42);
    CHECK(got.mark == stamp{.sender = 3, .number = 17});
}

TEST_CASE("the order and spacing of a message's members do not matter") {
    const auto got =
        message(R"({ "text": "load 0123abcd 3 17 ...", "seq": 42, "type": "message" })");
    CHECK(got.seq == 42);
    CHECK(got.mark == stamp{.sender = 3, .number = 17});
}

TEST_CASE("messages from outside the run have a number, but no stamp") {
    const auto got =
        message(R"({"type":"message","seq":43,"id":7,"from":"alice","text":"hello","time":"…"})");
    CHECK(got.seq == 43);
    CHECK_FALSE(got.mark);
}

TEST_CASE("the welcome names the server's mutex and guard") {
    const auto got = read_incoming(
        run,
        R"({"type":"welcome","id":7,"name":"guest-7","seq":41,"mutex":"async","guard":"released","limits":{}})");
    REQUIRE(std::holds_alternative<welcomed>(got));
    CHECK(std::get<welcomed>(got).seq == 41);
    CHECK(std::get<welcomed>(got).mutex == "async");
    CHECK(std::get<welcomed>(got).guard == "released");
}

TEST_CASE("ack, gap, error, presence and unknown types") {
    CHECK(std::holds_alternative<acknowledged>(
        read_incoming(run, R"({"type":"ack","ref":1,"seq":2})")));
    CHECK(std::get<missed>(read_incoming(run, R"({"type":"gap","missed":17})")).messages == 17);
    CHECK(std::get<refused>(read_incoming(run, R"({"type":"error","code":"rate"})")).code ==
          "rate");
    CHECK(
        std::holds_alternative<ignored>(read_incoming(run, R"({"type":"presence","clients":3})")));
    CHECK(std::holds_alternative<ignored>(read_incoming(run, R"({"type":"from the future"})")));
}

TEST_CASE("garbage is unreadable, never a crash") {
    for (const auto* text :
         {"", "{", "[]", "null", "{}", R"({"type":7})", R"({"type":"message","seq":)",
          R"({"type":"message","seq":1,"text":")", "\xFF\xFE"})
        CHECK(std::holds_alternative<unreadable>(read_incoming(run, text)));
}
