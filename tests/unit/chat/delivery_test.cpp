#include "server/chat/delivery.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace chat;

namespace {

message_buffer buffer_with(std::uint64_t messages, std::size_t keep) {
    message_buffer buffer{{.messages = keep, .bytes = 1 << 20}};
    for (std::uint64_t i = 0; i < messages; ++i)
        buffer.append("}");
    return buffer;
}

struct client {
    asio::io_context loop{1};
    delivery progress{loop.get_executor()};
};

} // namespace

TEST_CASE("the cursor moves past what is taken and missed, and back by what is given back") {
    struct row {
        std::uint64_t newest_at_start, said_since;
        std::size_t keep;
        std::uint64_t first, count, missed, given_back, cursor;
    };

    for (const auto& [newest, said, keep, first, count, missed, given_back, cursor] : {
             row{0, 0, 10, 0, 0, 0, 0, 0},       // nothing was ever said
             row{0, 3, 10, 1, 3, 0, 0, 3},       // the first messages
             row{0, 3, 10, 1, 3, 0, 3, 0},       // the socket is full
             row{0, 3, 10, 1, 3, 0, 1, 2},       // the socket takes a part
             row{0, 30, 10, 21, 10, 20, 0, 30},  // messages left the buffer before they were taken
             row{0, 30, 10, 21, 10, 20, 10, 20}, // the missed ones stay missed
             row{5, 0, 10, 1, 5, 0, 0, 5},       // the history
             row{5, 2, 10, 1, 7, 0, 7, 0},       // the history and later messages
             row{20, 0, 10, 11, 10, 0, 0, 20},   // the history is no longer than the buffer
             row{20, 5, 10, 16, 10, 0, 0, 25},   // nothing is missed before the history
         }) {
        CAPTURE(newest);
        CAPTURE(said);
        CAPTURE(given_back);
        const auto buffer = buffer_with(newest + said, keep);
        client one;
        one.progress.start_with_history(newest);
        CHECK(one.progress.is_behind(buffer.newest()) == (count > 0));
        const auto news = one.progress.take(buffer);
        CHECK(news.first == first);
        CHECK(news.count == count);
        CHECK(news.missed == missed);
        one.progress.give_back(given_back);
        CHECK(one.progress.cursor() == cursor);
        CHECK(one.progress.is_behind(buffer.newest()) == (given_back > 0));
    }
}

TEST_CASE("messages that are given back are taken again, without a gap") {
    const auto buffer = buffer_with(8, 100);
    client one;
    const auto all = one.progress.take(buffer);
    one.progress.give_back(3);
    const auto again = one.progress.take(buffer);
    CHECK(again.first == all.count - 3 + 1);
    CHECK(again.count == 3);
    CHECK(again.missed == 0);
    CHECK_FALSE(one.progress.is_behind(buffer.newest()));
}
