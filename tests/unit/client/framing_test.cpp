// Reading and writing WebSocket frames in the load client.
#include "client/connection/framing.hpp"

#include <doctest/doctest.h>

using namespace chat::load;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

constexpr std::size_t no_limit = 1 << 20;

std::string text_frame_of(std::size_t bytes) {
    const auto payload = std::string(bytes, 'x');
    if (bytes < 126)
        return "\x81"s + static_cast<char>(bytes) + payload;
    return "\x81\x7E"s + static_cast<char>(bytes >> 8) + static_cast<char>(bytes) + payload;
}

} // namespace

TEST_CASE("a whole frame is read, and the bytes after it are left alone") {
    const auto bytes = text_frame_of(5) + "more";
    const auto got = read_frame(bytes, no_limit);
    REQUIRE(got.state == framing::whole);
    CHECK(got.content.op == opcode::text);
    CHECK(got.content.payload == "xxxxx");
    CHECK(got.size == 7);
}

TEST_CASE("every proper prefix of a frame is partial") {
    for (const std::size_t payload : {0, 1, 125, 126, 300}) {
        const auto bytes = text_frame_of(payload);
        for (std::size_t cut = 0; cut < bytes.size(); ++cut)
            REQUIRE(read_frame(std::string_view{bytes}.substr(0, cut), no_limit).state ==
                    framing::partial);
        CHECK(read_frame(bytes, no_limit).content.payload.size() == payload);
    }
}

TEST_CASE("a frame that a server must not send is broken") {
    CHECK(read_frame("\x9F\xFF"sv, no_limit).state == framing::broken);      // reserved bits
    CHECK(read_frame("\x83\x01x"sv, no_limit).state == framing::broken);     // unknown opcode
    CHECK(read_frame("\x81\x81xxxxx"sv, no_limit).state == framing::broken); // masked
    CHECK(read_frame("\x01\x01x"sv, no_limit).state == framing::broken);     // fragmented
    CHECK(read_frame("\x81\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"sv, no_limit).state ==
          framing::broken); // too long
}

TEST_CASE("a written frame is masked, and unmasking restores the payload") {
    for (const std::size_t size : {0, 5, 125, 126, 4096, 70'000}) {
        const std::string payload(size, 'p');
        std::string bytes;
        append_masked_frame(bytes, opcode::text, payload, 0x01020304);
        const std::size_t header = size < 126 ? 6 : size <= 0xFFFF ? 8 : 14;
        REQUIRE(bytes.size() == header + size);
        CHECK((static_cast<unsigned char>(bytes[1]) & 0x80) != 0);
        std::string unmasked;
        for (std::size_t i = 0; i < size; ++i)
            unmasked += static_cast<char>(bytes[header + i] ^ bytes[header - 4 + i % 4]);
        CHECK(unmasked == payload);
    }
}
