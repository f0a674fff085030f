#include "server/chat/frame.hpp"
#include "server/chat/message_buffer.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace chat;

namespace {

/// Splits a batch into its payloads.
std::vector<std::string> payloads(const news_batch& news) {
    std::vector<std::string> all;
    for (auto bytes = news.frames; !bytes.empty();) {
        const auto size = frame_size(bytes);
        const auto header = size - 2 < 126 ? 2 : 4;
        all.emplace_back(bytes.substr(header, size - header));
        bytes.remove_prefix(size);
    }
    CHECK(all.size() == news.count);
    return all;
}

std::string payload(std::uint64_t seq, const std::string& rest) {
    return R"({"type":"message","seq":)" + std::to_string(seq) + rest;
}

message_buffer buffer_with(std::uint64_t messages, message_buffer::limits keep,
                           const std::string& rest = "}") {
    message_buffer buffer{keep};
    for (std::uint64_t i = 0; i < messages; ++i)
        buffer.append(rest);
    return buffer;
}

} // namespace

TEST_CASE("numbers start at 1 and have no gaps") {
    message_buffer buffer{{}};
    CHECK(buffer.newest() == 0);
    CHECK(buffer.oldest() == 1);
    for (std::uint64_t seq = 1; seq <= 100; ++seq)
        CHECK(buffer.append("}") == seq);
    CHECK(buffer.newest() == 100);
}

TEST_CASE("a reader gets the messages newer than its cursor, oldest first, as whole frames") {
    const auto buffer = buffer_with(5, {});
    const auto news = buffer.since(2);
    CHECK(news.first == 3);
    CHECK(news.count == 3);
    CHECK(news.missed == 0);
    CHECK(payloads(news) == std::vector{payload(3, "}"), payload(4, "}"), payload(5, "}")});
}

TEST_CASE("a reader that is up to date, or ahead, gets nothing") {
    const auto buffer = buffer_with(5, {});
    CHECK(buffer.since(5).empty());
    CHECK(buffer.since(6).empty());
    CHECK(message_buffer{{}}.since(0).empty());
}

TEST_CASE("a reader that fell behind the buffer learns how many messages it missed") {
    const auto buffer = buffer_with(100, {.messages = 10, .bytes = 1 << 20});
    const auto news = buffer.since(7);
    CHECK(buffer.oldest() == 91);
    CHECK(news.first == 91);
    CHECK(news.missed == 83);
    CHECK(news.count == 10);
}

TEST_CASE("bytes are bounded as well, and the newest message stays whatever its size") {
    constexpr std::size_t most = 8192;
    message_buffer buffer{{.messages = 1000, .bytes = most}};
    for (int i = 0; i < 500; ++i) {
        buffer.append(std::string(100, 'x'));
        CHECK(buffer.bytes() <= most);
    }
    buffer.append(std::string(50'000, 'y'));
    CHECK(buffer.oldest() == buffer.newest());
    CHECK(payloads(buffer.since(buffer.newest() - 1)).front().size() > 50'000);
}

TEST_CASE("consecutive batches give every message once, across all block borders") {
    constexpr std::uint64_t messages = 5000;
    const auto buffer =
        buffer_with(messages, {.messages = messages, .bytes = 64 << 20}, std::string(200, 'z'));
    std::uint64_t cursor = 0;
    int batches = 0;
    while (cursor < messages) {
        const auto news = buffer.since(cursor);
        REQUIRE(news.first == cursor + 1);
        REQUIRE(payloads(news).size() == news.count);
        cursor += news.count;
        ++batches;
    }
    CHECK(cursor == messages);
    CHECK(batches > 1);
}

TEST_CASE("a batch stays valid while it is held, even after the buffer dropped its messages") {
    message_buffer buffer{{.messages = 2, .bytes = 4096}};
    buffer.append("first}");
    const auto held = buffer.since(0);
    for (int i = 0; i < 10'000; ++i)
        buffer.append("later}");
    CHECK(payloads(held) == std::vector{payload(1, "first}")});
}
