// Choosing an address, and reading what a broken connection still delivers.
#include "client/connection/connection.hpp"
#include "client/spawn.hpp"

#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <doctest/doctest.h>

#include <deque>

using namespace chat;
using namespace chat::load;
using namespace std::chrono_literals;
using asio::ip::tcp;

namespace {

using acceptor = asio::basic_socket_acceptor<tcp, loop_executor>;

const std::string upgrade =
    "HTTP/1.1 101 Switching Protocols\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nServer: test\r\n\r\n";

/// Makes an endpoint. Every address in 127.0.0.0/8 belongs to this machine.
tcp::endpoint local(const char* address, std::uint16_t port = 0) {
    return {asio::ip::make_address(address), port};
}

struct fixture {
    asio::io_context loop{1};
    poller sockets{loop};
    read_buffer shared = read_buffer(read_buffer_bytes);
    acceptor server{loop.get_executor(), local("127.0.0.1")};
    connection client{loop, sockets, shared};

    /// Runs the loop until the work is done, and rethrows its exception.
    void run(task<> work) {
        bool done = false;
        asio::co_spawn(loop.get_executor(), std::move(work), [&](std::exception_ptr failure) {
            done = true;
            if (failure)
                std::rethrow_exception(failure);
        });
        while (!done)
            loop.run_one();
    }

    /// Accepts one connection, reads the request, and sends these bytes.
    task<> serve(std::string bytes, bool then_reset = false) {
        auto peer = co_await server.async_accept(use_task);
        std::string request;
        co_await asio::async_read_until(peer, asio::dynamic_buffer(request), "\r\n\r\n", use_task);
        co_await asio::async_write(peer, asio::buffer(bytes), use_task);
        if (then_reset)
            peer.set_option(asio::socket_base::linger{true, 0});
        else
            kept_.push_back(std::move(peer));
    }

    task<> open(server_address to, handshake_result& result, nanoseconds limit = 5s) {
        result = co_await client.open(to, "/", limit);
    }

    std::deque<asio::basic_stream_socket<tcp, loop_executor>> kept_;
};

} // namespace

TEST_CASE_FIXTURE(fixture, "the addresses of a name are tried until one accepts") {
    const auto port = server.local_endpoint().port();
    spawn(loop, serve(upgrade));
    handshake_result result;
    run(open({.endpoints = {local("::1", port), local("127.0.0.2", port), server.local_endpoint()},
              .host = "name"},
             result));
    CHECK(result.outcome == handshake_outcome::completed);
    CHECK(result.endpoint == server.local_endpoint());
    CHECK(result.software == "test");
}

TEST_CASE_FIXTURE(fixture, "an address that never responds leaves time for the next one") {
    // Nothing accepts here and the kernel's queue is full, so further attempts are not even refused.
    acceptor busy{loop.get_executor(), local("127.0.0.3")};
    busy.listen(0);
    std::deque<tcp_socket> waiting;
    for (int i = 0; i < 4; ++i) {
        waiting.emplace_back(loop.get_executor());
        waiting.back().async_connect(busy.local_endpoint(), [](boost::system::error_code) {});
    }
    loop.poll();
    spawn(loop, serve(upgrade));
    handshake_result result;
    run(open({.endpoints = {busy.local_endpoint(), server.local_endpoint()}, .host = "name"},
             result, 1s));
    CHECK(result.outcome == handshake_outcome::completed);
    CHECK(result.endpoint == server.local_endpoint());
}

TEST_CASE_FIXTURE(fixture, "the outcome is refused only if every address refuses") {
    const auto port = server.local_endpoint().port();
    server.close();
    handshake_result result;
    run(open({.endpoints = {local("127.0.0.2", port), local("127.0.0.1", port)}, .host = "name"},
             result));
    CHECK(result.outcome == handshake_outcome::refused);
}

TEST_CASE_FIXTURE(fixture, "the close reason is read even after sending has failed") {
    spawn(loop, serve(upgrade + "\x88\x06\x03\xf0" + "fast", true));
    handshake_result result;
    run(open({.endpoints = {server.local_endpoint()}, .host = "name"}, result));
    REQUIRE(result.outcome == handshake_outcome::completed);
    // The reset has arrived, so the kernel accepts no more data.
    for (int i = 0; i < 3; ++i)
        client.send(opcode::text, "hello");
    run([](connection& it) -> task<> {
        while (co_await it.readable())
            while (it.next_frame()) {
            }
    }(client));
    REQUIRE(client.closed_by_server());
    CHECK(*client.closed_by_server() == close_reason{.code = 1008, .reason = "fast"});
    CHECK(client.ending() == "closed by the server (1008 fast)");
}

TEST_CASE("addresses are printed the way a user writes them") {
    CHECK(to_string(local("::1", 80)) == "[::1]:80");
    CHECK(to_string(local("127.0.0.1", 80)) == "127.0.0.1:80");
}

TEST_CASE("a close frame may have no code and no reason") {
    CHECK(to_string(close_reason{}) == "closed by the server");
    CHECK(to_string(close_reason{.code = 1000}) == "closed by the server (1000)");
}
