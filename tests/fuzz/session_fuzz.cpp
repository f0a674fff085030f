// Runs a whole session, handshake and chat. The input controls its client: it sends well-formed and
// malformed frames, reads or does not read, lets time pass, stops sending. A second client in the same
// room is the witness. Whatever the first client does, the server sends both only whole frames in
// order. The witness misses nothing. Each of its messages is acknowledged once both clients read. A
// session ends with its connection. Each client has a socket pair; there are no threads and no sleeps.
// Compiled for both builds of the guard.
#include "client/connection/framing.hpp"
#include "server/chat/admission.hpp"
#include "server/chat/room.hpp"
#include "server/chat/roster.hpp"
#include "server/chat/session.hpp"
#include "server/sync/lock_ledger.hpp"
#include "server/watch/session_names.hpp"
#include "tests/fuzz/require.hpp"

#include <boost/asio/co_spawn.hpp>
#include <fuzzer/FuzzedDataProvider.h>
#include <spdlog/spdlog.h>

#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace chat;
using namespace std::chrono_literals;
using fuzz::require;

constexpr auto everything = std::size_t{1} << 20;
constexpr std::string_view upgrade_start = "GET ";
constexpr std::string_view upgrade_rest =
    " HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: c2l4dGVlbiBieXRlcyBvaw==\r\nSec-WebSocket-Version: 13\r\n\r\n";

std::string frame(unsigned char first, std::string_view payload) {
    std::string bytes;
    load::append_masked_frame(bytes, load::opcode::text, payload, 0);
    bytes[0] = static_cast<char>(first);
    return bytes;
}

std::string say_request_of(std::size_t letters_of_text, std::size_t letters_of_ref) {
    return R"({"type":"say","text":")" + std::string(letters_of_text, 't') + R"(","ref":")" +
           std::string(letters_of_ref, 'r') + R"("})";
}

/// The client's end of a connection.
class client {
public:
    explicit client(int socket)
        : socket_{socket} {}

    client(const client&) = delete;
    client& operator=(const client&) = delete;

    ~client() { hang_up(); }

    /// Returns true if everything was sent. Bytes that do not fit are lost, so the server sees garbage.
    bool send(std::string_view bytes) {
        return socket_ >= 0 && ::send(socket_, bytes.data(), bytes.size(),
                                      MSG_DONTWAIT | MSG_NOSIGNAL) == std::ssize(bytes);
    }

    /// Says something, unless the server has sent a close frame.
    void say(std::size_t letters_of_text, std::size_t letters_of_ref) {
        if (closed_)
            return;
        require(send(frame(0x81, say_request_of(letters_of_text, letters_of_ref))),
                "a hundred messages of the witness fit into its socket");
        ++unacknowledged_;
    }

    /// Reads at most this many bytes, and checks the complete frames. Returns true if it read any bytes.
    bool read(std::size_t at_most) {
        char chunk[4096];
        bool has_read = false;
        while (at_most > 0 && socket_ >= 0) {
            const auto size = ::recv(socket_, chunk, std::min(at_most, sizeof chunk), MSG_DONTWAIT);
            if (size <= 0)
                break;
            has_read = true;
            at_most -= static_cast<std::size_t>(size);
            unread_.append(chunk, static_cast<std::size_t>(size));
            check_frames();
        }
        return has_read;
    }

    void stop_sending() {
        if (socket_ >= 0)
            ::shutdown(socket_, SHUT_WR);
    }

    void hang_up() {
        if (socket_ >= 0)
            ::close(std::exchange(socket_, -1));
    }

    [[nodiscard]] bool is_in_chat() const { return upgraded_ && !echoes && !closed_; }

    [[nodiscard]] std::uint64_t newest() const { return newest_; }

    [[nodiscard]] int unacknowledged() const { return unacknowledged_; }

    [[nodiscard]] bool has_missed() const { return has_missed_; }

    bool echoes = false; ///< the client may receive frames of any kind, and fragments

private:
    void check_frames() {
        if (!upgraded_) {
            constexpr std::string_view end_of_head = "\r\n\r\n";
            const auto end = unread_.find(end_of_head);
            if (end == std::string::npos)
                return;
            require(unread_.starts_with("HTTP/1.1 "), "a request is answered with HTTP");
            upgraded_ = unread_.starts_with("HTTP/1.1 101");
            if (!upgraded_)
                return; // turned away
            unread_.erase(0, end + end_of_head.size());
        }
        for (;;) {
            const auto next = load::read_frame(unread_, 1 << 20);
            if (next.state != load::framing::whole) {
                require(next.state != load::framing::broken, "the server sends whole frames");
                return;
            }
            require(!closed_, "nothing follows a close frame");
            closed_ = next.content.op == load::opcode::close;
            if (next.content.op == load::opcode::text && !echoes)
                check_text(next.content.payload);
            unread_.erase(0, next.size);
        }
    }

    void check_text(std::string_view payload) {
        const auto number_after = [&](std::string_view start) {
            return payload.starts_with(start)
                       ? std::strtoull(payload.data() + start.size(), nullptr, 10)
                       : 0;
        };
        if (payload.starts_with(R"({"type":"ack")"))
            --unacknowledged_;
        if (const auto missed = number_after(R"({"type":"gap","missed":)")) {
            newest_ += missed;
            has_missed_ = true;
        }
        if (const auto seq = number_after(R"({"type":"message","seq":)")) {
            require(newest_ == 0 || seq == newest_ + 1, "messages have no holes");
            newest_ = seq;
        }
    }

    int socket_;
    std::string unread_;
    bool upgraded_ = false;
    bool closed_ = false;
    bool has_missed_ = false;
    int unacknowledged_ = 0; ///< messages sent by `say`
    std::uint64_t newest_ = 0;
};

class world {
public:
    world(const session_limits& limits, message_buffer::limits keep)
        : limits_{limits}
        , room_{executor_, roster_, keep, ledger_} {
        asio::co_spawn(executor_, room_.fan_out(), fail);
    }

    /// Returns the client's end. `connected` becomes the session at the server's end.
    int connect(std::weak_ptr<session>& connected) {
        int ends[2];
        require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "a socket pair");
        constexpr int smallest = 1; // the kernel rounds up to a few kilobytes: many sends are cut
        ::setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &smallest, sizeof smallest);
        wire::socket_type socket{executor_};
        socket.assign(asio::ip::tcp::v4(), ends[0]);
        auto one = std::make_shared<session>(std::move(socket), admission_.let_in({}).value(),
                                             room_, roster_, limits_);
        connected = one;
        asio::co_spawn(executor_, run_session(std::move(one)), fail);
        turn();
        return ends[1];
    }

    /// Runs the loop until nothing is left to do.
    void turn() {
        loop_.restart();
        while (loop_.poll() > 0) {
        }
    }

    void end() {
        room_.stop();
        turn();
    }

private:
    static void fail(std::exception_ptr failed) { require(!failed, "no coroutine throws"); }

    admission admission_{{.clients = 2, .clients_per_address = 0}};
    asio::io_context loop_{1};
    loop_executor executor_ = loop_.get_executor();
    session_limits limits_;
    lock_ledger ledger_;
    session_names names_;
    roster roster_{executor_, 1h, names_};
    room room_;
};

std::string upgrade_request(std::string_view target) {
    return std::string{upgrade_start}.append(target).append(upgrade_rest);
}

void act(FuzzedDataProvider& input, world& all, client& one, client& witness,
         const std::weak_ptr<session>& server_side) {
    switch (input.ConsumeIntegralInRange(0, 9)) {
    case 0:
        one.send(input.ConsumeRandomLengthString());
        break;
    case 1: { // any frame: well-formed except for its first byte
        const auto first = input.ConsumeIntegral<unsigned char>();
        one.send(frame(first, input.ConsumeRandomLengthString()));
        break;
    }
    case 2: // a valid message
        one.send(frame(0x81, R"({"type":"say","text":"hello","ref":[1]})"));
        break;
    case 3: { // many messages at once, from both clients
        const auto count = input.ConsumeIntegral<unsigned char>();
        const bool with_pings = count % 2 == 0; // sending a pong also sends what is in the lanes
        const auto say = frame(0x81, say_request_of(1, 400));
        std::string frames;
        for (int i = 0; i < count; ++i)
            frames += with_pings && i % 3 == 0 ? frame(0x89, "ping") : say;
        one.send(frames);
        for (int i = 0; i < count && witness.unacknowledged() < 8; ++i)
            witness.say(1, 400);
        break;
    }
    case 4:
        one.read(input.ConsumeIntegral<unsigned short>());
        break;
    case 5:
        one.read(everything);
        break;
    case 6:
        if (const auto still_there = server_side.lock(); still_there && one.is_in_chat())
            still_there->check_time_limits(session::clock::now() +
                                           1s * input.ConsumeIntegral<unsigned char>());
        break;
    case 7:
        witness.say(input.ConsumeIntegralInRange<std::size_t>(1, 400), 1);
        break;
    case 8:
        one.stop_sending();
        break;
    case 9:
        if (const auto still_there = server_side.lock(); still_there && one.is_in_chat())
            still_there->leave_when_delivered();
        break;
    }
    all.turn();
    witness.read(everything);
    all.turn();
}

} // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    spdlog::set_level(spdlog::level::off);
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    FuzzedDataProvider input{data, size};
    session_limits limits;
    limits.max_message_bytes = 512;
    limits.max_rate = input.ConsumeBool() ? 50 : 0;
    limits.echo = input.ConsumeBool();
    const bool is_in_chat_already = input.ConsumeBool();

    // Either a large buffer, or one so small that even the witness, which reads in each turn, may fall
    // behind.
    const bool is_small = input.ConsumeBool();
    world all{limits, is_small ? message_buffer::limits{.messages = 20, .bytes = 8192}
                               : message_buffer::limits{.messages = 100'000, .bytes = 64 << 20}};
    std::weak_ptr<session> witness_session;
    std::weak_ptr<session> server_side;
    client witness{all.connect(witness_session)};
    witness.send(upgrade_request("/"));
    all.turn();
    witness.read(4096);
    require(witness.is_in_chat(), "the server lets the witness in");

    client one{all.connect(server_side)};
    one.echoes = limits.echo; // its request may ask for /echo
    if (is_in_chat_already)
        one.send(upgrade_request(limits.echo ? "/echo" : "/?name=one"));
    else if (input.ConsumeBool())
        one.send(upgrade_request(input.ConsumeRandomLengthString(100)));
    all.turn();
    for (int steps = 0; input.remaining_bytes() > 0 && steps < 100; ++steps)
        act(input, all, one, witness, server_side);

    // A client is owed more than its socket takes at once.
    const auto give_all = [&] {
        for (bool has_come = true; has_come;) {
            all.turn();
            const bool has_one = one.read(everything);
            has_come = witness.read(everything) || has_one;
        }
    };
    give_all();
    const auto is_answered = [&] { return !witness.is_in_chat() || witness.unacknowledged() == 0; };
    require(is_answered(), "no message stays unacknowledged when both clients read");

    // Whatever the client did, its session ends with the connection, and the other client continues.
    one.hang_up();
    all.turn();
    require(server_side.expired(), "a session ends when its client hangs up");
    give_all();
    const auto before = witness.newest();
    witness.say(1, 1);
    give_all();
    require(limits.max_rate != 0 || (witness.is_in_chat() && witness.newest() == before + 1),
            "the other client continues");
    require(is_answered(), "every message is acknowledged");
    require(is_small || !witness.has_missed(), "a client that reads misses nothing");
    witness.hang_up();
    all.end();
    require(witness_session.expired(), "every session ends");
    return 0;
}
