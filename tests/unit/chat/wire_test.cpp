#include "server/chat/frame.hpp"
#include "server/chat/wire.hpp"
#include "tests/unit/chat/narrow_connection.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>

#include <array>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

using namespace chat;

namespace {

using socket_type = wire::socket_type;

struct connection {
    asio::io_context loop{1};
    socket_type peer{loop.get_executor()};
    wire out{connect_narrow(loop, peer)};

    /// Runs the coroutines until all have ended. Rethrows what one of them throws.
    template <class... Tasks>
    void run(Tasks... tasks) {
        (asio::co_spawn(loop, std::move(tasks),
                        [](std::exception_ptr failed) {
                            if (failed)
                                std::rethrow_exception(failed);
                        }),
         ...);
        loop.run();
    }
};

/// Makes a control frame; text_frame() makes the others.
std::string control_frame(char opcode, const std::string& payload) {
    auto frame = text_frame(payload);
    frame[0] = static_cast<char>(0x80 | opcode);
    return frame;
}

constexpr char opcode_pong = 0xA;
constexpr char opcode_close = 0x8;

/// Removes a whole frame from the front, if there is one. Throws if the bytes do not start a frame.
std::optional<std::string> take_frame(std::string& unread) {
    if (unread.size() < 2)
        return {};
    const auto first = static_cast<unsigned char>(unread[0]);
    if (first != 0x81 && first != 0x8A && first != 0x88)
        throw std::runtime_error{"no frame starts here"};
    const auto length = static_cast<unsigned char>(unread[1]);
    const std::size_t header = length < 126 ? 2 : length == 126 ? 4 : 10;
    if (unread.size() < header || unread.size() < frame_size(unread))
        return {};
    auto frame = unread.substr(0, frame_size(unread));
    unread.erase(0, frame.size());
    return frame;
}

/// Reads frames until end of file, in small pieces of changing size. Throws if a frame is broken.
task<> read_frames(socket_type& from, std::vector<std::string>& frames) {
    std::string unread;
    std::minstd_rand random;
    char chunk[700];
    for (;;) {
        const auto [error, size] = co_await from.async_read_some(
            asio::buffer(chunk, 1 + random() % sizeof chunk), asio::as_tuple(use_task));
        if (error)
            break;
        unread.append(chunk, size);
        while (auto frame = take_frame(unread))
            frames.push_back(std::move(*frame));
    }
    if (!unread.empty())
        throw std::runtime_error{"the last frame is cut"};
}

/// Sends everything in the buffer, as a session's deliver task does.
task<> deliver(wire& out, const message_buffer& buffer, int& running) {
    std::uint64_t cursor = 0;
    while (cursor < buffer.newest()) {
        cursor += out.send_news(buffer.since(cursor));
        co_await out.takes_news();
    }
    --running;
}

task<> send_pongs(wire& out, int count, int& running) {
    for (int i = 0; i < count; ++i) {
        const auto frame = control_frame(opcode_pong, "pong " + std::to_string(i));
        const auto sent = co_await out.async_write_some(asio::buffer(frame), use_task);
        if (sent != frame.size())
            throw std::runtime_error{"a control frame was not sent whole"};
    }
    --running;
}

task<> send_replies(wire& out, int count, int& running) {
    for (int i = 0; i < count; ++i) {
        const auto frame = text_frame("reply " + std::to_string(i) + std::string(1000, '.'));
        while (!out.push_reply(frame))
            co_await out.reply_lane_shrunk();
        out.set_presence(text_frame("presence"));
        out.flush();
    }
    --running;
}

/// Sends a close frame when all writers are done.
task<> send_close_frame(wire& out, const int& running) {
    while (running > 0)
        co_await asio::post(out.get_executor(), use_task);
    const auto frame = control_frame(opcode_close, "");
    co_await out.async_write_some(asio::buffer(frame), use_task);
    co_await out.linger({});
}

} // namespace

TEST_CASE(
    "frames of all lanes arrive whole and in the order of their lane, wherever the socket cuts") {
    connection link;
    constexpr int messages = 3000, pongs = 400, replies = 300;
    message_buffer buffer{{.messages = messages, .bytes = 64 << 20}};
    for (int i = 0; i < messages; ++i)
        buffer.append(std::string(static_cast<std::size_t>(i % 900), 'm'));
    std::vector<std::string> frames;
    int running = 3;
    link.run(read_frames(link.peer, frames), deliver(link.out, buffer, running),
             send_pongs(link.out, pongs, running), send_replies(link.out, replies, running),
             send_close_frame(link.out, running));

    int next_pong = 0, next_reply = 0;
    std::uint64_t next_message = 1;
    for (const auto& frame : frames) {
        if (frame.find("pong ") != std::string::npos)
            CHECK(frame.ends_with("pong " + std::to_string(next_pong++)));
        else if (frame.find("reply ") != std::string::npos)
            CHECK(frame.find("reply " + std::to_string(next_reply++) + ".") != std::string::npos);
        else if (frame.find("message") != std::string::npos)
            CHECK(frame.find("\"seq\":" + std::to_string(next_message++)) != std::string::npos);
    }
    CHECK(next_pong == pongs);
    CHECK(next_reply == replies);
    CHECK(next_message == messages + 1);
    CHECK(frames.back() == control_frame(opcode_close, ""));
}

TEST_CASE("after a close frame nothing is taken, and a waiting writer wakes") {
    connection link;
    message_buffer buffer{{}};
    buffer.append("}");
    std::vector<std::string> frames;
    std::uint64_t taken = 1;
    const auto writer = [](wire& out, const message_buffer& from, std::uint64_t& count) -> task<> {
        const auto frame = control_frame(opcode_close, "");
        co_await out.async_write_some(asio::buffer(frame), use_task);
        count = out.send_news(from.since(0));
        co_await out.takes_news();
        CHECK(out.push_reply(text_frame("too late")));
        out.set_presence(text_frame("too late"));
        out.flush();
        co_await out.linger({});
    };
    link.run(read_frames(link.peer, frames), writer(link.out, buffer, taken));
    CHECK(taken == 0);
    CHECK(link.out.is_closing());
    CHECK(frames == std::vector{control_frame(opcode_close, "")});
}

TEST_CASE("accepted replies go out before the close frame") {
    connection link;
    std::vector<std::string> frames;
    const auto writer = [](wire& out) -> task<> {
        CHECK(out.push_reply(text_frame("ack")));
        const auto frame = control_frame(opcode_close, "");
        co_await out.async_write_some(asio::buffer(frame), use_task);
        co_await out.linger({});
    };
    link.run(read_frames(link.peer, frames), writer(link.out));
    CHECK(frames == std::vector{text_frame("ack"), control_frame(opcode_close, "")});
}

TEST_CASE("our close frame goes behind the replies, and what Beast sends after it counts as sent") {
    connection link;
    const auto close_bytes = close_frame(1008, "you read too slowly");
    std::vector<std::string> frames;
    std::size_t sent = 0;
    const auto writer = [](wire& out, const std::string& last, std::size_t& size) -> task<> {
        const std::string filler(50'000, 'x'); // more than the socket takes at once
        CHECK(out.push_reply(text_frame(filler)));
        CHECK(out.push_reply(text_frame("ack")));
        out.send_close_frame(last);
        CHECK(out.is_closing());
        CHECK(out.blocked_since());
        CHECK(out.push_reply(text_frame("too late")));
        out.send_close_frame(close_frame(1001, "too late"));
        for (const char opcode : {opcode_pong, opcode_close}) {
            const auto frame = control_frame(opcode, "too late");
            size += co_await out.async_write_some(asio::buffer(frame), use_task);
        }
        co_await out.linger({}); // at once, as Beast does
    };
    link.run(read_frames(link.peer, frames), writer(link.out, close_bytes, sent));
    CHECK(sent == 2 * control_frame(opcode_pong, "too late").size());
    REQUIRE(frames.size() == 3);
    CHECK(frames[1] == text_frame("ack"));
    CHECK(frames[2] == close_bytes);
}

TEST_CASE("a close frame of Beast's that waits for ours is aborted when the wire is closed") {
    connection link;
    error_code outcome;
    const auto writer = [](wire& out, error_code& end) -> task<> {
        CHECK(out.push_reply(text_frame(std::string(50'000, 'x'))));
        out.send_close_frame(close_frame(1008, "you read too slowly"));
        const auto frame = control_frame(opcode_close, "");
        std::tie(end, std::ignore) =
            co_await out.async_write_some(asio::buffer(frame), asio::as_tuple(use_task));
    };
    const auto closer = [](wire& out) -> task<> {
        out.close();
        co_return;
    };
    link.run(writer(link.out, outcome), closer(link.out));
    CHECK(outcome == asio::error::operation_aborted);
}

TEST_CASE("the reply lane is bounded, and takes one frame of any size") {
    connection link;
    CHECK(link.out.push_reply(text_frame(std::string(100'000, 'x'))));
    CHECK_FALSE(link.out.push_reply(text_frame("y")));
}

TEST_CASE("a writer that sleeps on a full socket wakes when the wire is closed") {
    connection link;
    message_buffer buffer{{.messages = 100'000, .bytes = 64 << 20}};
    for (int i = 0; i < 20'000; ++i)
        buffer.append(std::string(1000, 'm'));
    bool ended = false;
    const auto writer = [](wire& out, const message_buffer& from, bool& end) -> task<> {
        std::uint64_t cursor = 0;
        while (!out.is_closing()) {
            cursor += out.send_news(from.since(cursor));
            co_await out.takes_news();
        }
        end = true;
    };
    const auto closer = [](wire& out) -> task<> {
        while (!out.blocked_since())
            co_await asio::post(out.get_executor(), use_task);
        out.abort();
    };
    link.run(writer(link.out, buffer, ended), closer(link.out));
    CHECK(ended);
    error_code error;
    char rest[1 << 16];
    while (!error)
        link.peer.read_some(asio::buffer(rest), error);
    CHECK(error == asio::error::connection_reset);
}

TEST_CASE("a peer that made room since the last call has taken something, and only once") {
    connection here;
    while (!here.out.blocked_since()) {
        while (here.out.push_reply(text_frame(std::string(1000, 'x')))) {
        }
        here.out.flush();
    }
    const auto now = wire::clock::now();
    CHECK_FALSE(here.out.has_taken_something(now)); // the first look
    CHECK_FALSE(here.out.has_taken_something(now));
    here.peer.non_blocking(true);
    std::array<char, 4096> taken{};
    error_code nothing_there;
    while (here.out.blocked_since() || here.peer.available() > 0) {
        here.peer.read_some(asio::buffer(taken), nothing_there);
        here.loop.poll();
        here.loop.restart();
    }
    CHECK(here.out.has_taken_something(now));
    CHECK_FALSE(here.out.has_taken_something(now));
}
