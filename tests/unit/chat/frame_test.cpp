#include "server/chat/frame.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace chat;

TEST_CASE("a frame's size is read from its own header, for each of the three lengths") {
    for (const std::size_t payload : {0u, 1u, 125u, 126u, 127u, 65535u, 65536u, 200000u}) {
        const auto frame = text_frame(std::string(payload, 'x'));
        CHECK(frame_size(frame) == frame.size());
        CHECK(frame.size() - payload == (payload < 126 ? 2u : payload <= 65535 ? 4u : 10u));
    }
}

TEST_CASE("lengths are big-endian and the frame is a final, unmasked text frame") {
    const auto frame = text_frame(std::string(0x1234, 'x'));
    CHECK(frame.substr(0, 4) == std::string("\x81\x7E\x12\x34", 4));
}

TEST_CASE("a cut after any number of bytes tells how many frames were begun, and where the last "
          "one ends") {
    const auto first = text_frame("one");
    const auto second = text_frame(std::string(300, '2'));
    const auto run = first + second + text_frame("");
    for (std::size_t sent = 0; sent <= run.size(); ++sent) {
        CAPTURE(sent);
        const auto cut = cut_frames(run, sent);
        const std::size_t ends[] = {0, first.size(), first.size() + second.size(), run.size()};
        CHECK(cut.end >= sent);
        CHECK(cut.end == ends[cut.frames]);
        if (cut.frames > 0)
            CHECK(ends[cut.frames - 1] < sent);
    }
}
