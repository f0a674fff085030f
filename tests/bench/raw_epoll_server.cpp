// The yardstick of `scripts/bench.sh chat`: a broadcast server on bare epoll that speaks the part of
// the chat's protocol that chat-load needs. It shows how much the kernel lets a single thread
// deliver. The chat server's result is a share of that number.
//
// A round is epoll_wait, one recv for each connection that has input, then one sendmsg for each
// connection with all messages of the round. A message is framed once. The server allocates nothing
// per message, calls no handler through a pointer, and waits only in epoll_wait. With
// --quiet-reading a round continues until two turns have brought no message, as in the chat server:
// fewer sends if many clients talk, later sends if one does. With --second-thread the process also
// has an idle thread, like the chat server's watch thread. In a process with several threads the
// kernel must count a file's users in every send.
//
// It leaves out what the chat server has: history, locks, limits, time limits and memory bounds (for
// a client that does not read, it keeps everything owed), UTF-8 and JSON validation, presence,
// renaming, Origin, orderly shutdown, and clients that talk before their welcome.
#include "server/chat/frame.hpp"
#include "tests/bench/websocket_accept.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

namespace {

using namespace chat::bench;
using namespace std::string_view_literals;

int checked(int result, const char* what) {
    if (result < 0)
        throw std::system_error{errno, std::generic_category(), what};
    return result;
}

struct client {
    client(int connected, std::uint64_t number)
        : socket{connected}
        , id{number} {}

    int socket;
    std::uint64_t id;
    std::size_t index = 0;     // in everyone_
    std::size_t joined_at = 0; // the size of round_ when the client joined
    bool joined = false;
    bool gone = false;
    bool socket_full = false;
    std::string from; // `,"id":7,"from":"guest-7","text":"`
    std::string in;   // the beginning of a frame or of the handshake
    std::string out;  // replies to this client, or data that did not fit into its socket
};

// Formats the time as `2026-11-22T21:34:00.123Z`. The part up to the seconds is made once a second.
class time_stamp {
public:
    std::string_view now() {
        timespec time{};
        ::clock_gettime(CLOCK_REALTIME, &time);
        if (time.tv_sec != second_) {
            second_ = time.tv_sec;
            tm parts{};
            ::gmtime_r(&second_, &parts);
            std::strftime(text_.data(), text_.size(), "%FT%T.000Z", &parts);
        }
        const auto ms = time.tv_nsec / 1'000'000;
        text_[20] = static_cast<char>('0' + ms / 100);
        text_[21] = static_cast<char>('0' + ms / 10 % 10);
        text_[22] = static_cast<char>('0' + ms % 10);
        return {text_.data(), 24};
    }

private:
    time_t second_ = 0;
    std::array<char, 32> text_{};
};

void append_number(std::string& out, std::uint64_t number) {
    std::array<char, 20> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    out.append(digits.data(), end);
}

void append_frame(std::string& out, std::string_view payload, char op = '\x81') {
    std::array<char, chat::max_frame_header> header{};
    const auto size = chat::write_text_header(header.data(), payload.size());
    header[0] = op;
    out.append(header.data(), size).append(payload);
}

// Returns the text after `key`, up to the first unescaped character of `ends`, as it was written.
std::string_view value_behind(std::string_view json, std::string_view key, std::string_view ends) {
    const auto at = json.find(key);
    if (at == std::string_view::npos)
        return {};
    json.remove_prefix(at + key.size());
    for (std::size_t i = 0; i < json.size(); ++i) {
        if (json[i] == '\\')
            ++i;
        else if (ends.find(json[i]) != std::string_view::npos)
            return json.substr(0, i);
    }
    return {};
}

class server {
public:
    server(std::uint16_t port, bool quiet_reading)
        : quiet_reading_{quiet_reading}
        , epoll_{checked(::epoll_create1(0), "epoll_create1")}
        , listener_{checked(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket")} {
        const int on = 1;
        ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_port = htons(port);
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof where;
        checked(::bind(listener_, reinterpret_cast<sockaddr*>(&where), size), "bind");
        checked(::listen(listener_, SOMAXCONN), "listen");
        checked(::getsockname(listener_, reinterpret_cast<sockaddr*>(&where), &size),
                "getsockname");
        watch(EPOLL_CTL_ADD, listener_, EPOLLIN, nullptr);
        std::printf("ready chat=ws://127.0.0.1:%d/ mutex=none guard=none pid=%d\n",
                    ntohs(where.sin_port), ::getpid());
        std::fflush(stdout);
    }

    [[noreturn]] void run() {
        for (;;) {
            turn(-1);
            constexpr int most_turns = 12;
            constexpr int quiet_turns = 2;
            int quiet = 0;
            for (int i = 0; quiet_reading_ && i < most_turns && quiet < quiet_turns; ++i) {
                const auto before = seq_;
                turn(0);
                quiet = seq_ == before ? quiet + 1 : 0;
            }
            finish_round();
        }
    }

private:
    void turn(int wait_ms) {
        const int ready = ::epoll_wait(epoll_, events_.data(), events_.size(), wait_ms);
        for (int i = 0; i < ready; ++i) {
            const auto& event = events_[static_cast<std::size_t>(i)];
            if (auto* who = static_cast<client*>(event.data.ptr))
                serve(*who, event.events);
            else
                accept_all();
        }
    }

    void watch(int operation, int socket, std::uint32_t what, client* who) {
        epoll_event event{};
        event.events = what;
        event.data.ptr = who;
        ::epoll_ctl(epoll_, operation, socket, &event);
    }

    void accept_all() {
        for (;;) {
            const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK);
            if (socket < 0)
                return;
            const int on = 1;
            ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            auto* who = new client{socket, ++last_id_};
            watch(EPOLL_CTL_ADD, socket, EPOLLIN, who);
        }
    }

    void serve(client& who, std::uint32_t what) {
        if (what & EPOLLOUT)
            touched_.push_back(&who);
        if (!(what & ~EPOLLOUT) || who.gone)
            return;
        const auto size = ::recv(who.socket, input_.data(), input_.size(), 0);
        if (size <= 0) {
            if (size == 0 || (errno != EAGAIN && errno != EINTR))
                end(who);
            return;
        }
        std::string_view bytes{input_.data(), static_cast<std::size_t>(size)};
        if (!who.in.empty()) {
            who.in += bytes;
            bytes = who.in;
        }
        const auto taken = who.joined ? take_frames(who, bytes) : take_handshake(who, bytes);
        if (bytes.data() == who.in.data())
            who.in.erase(0, taken);
        else if (taken < bytes.size())
            who.in = bytes.substr(taken);
    }

    std::size_t take_handshake(client& who, std::string_view bytes) {
        const auto end_of_header = bytes.find("\r\n\r\n");
        if (end_of_header == std::string_view::npos)
            return 0;
        auto key = value_behind(bytes, "Sec-WebSocket-Key: ", "\r");
        auto name = std::string{value_behind(bytes.substr(0, bytes.find('\n')), "name=", " &")};
        if (name.empty())
            name = "guest-" + std::to_string(who.id);
        const auto id = std::to_string(who.id);
        who.from = ",\"id\":" + id + ",\"from\":\"" + name + "\",\"text\":\"";
        who.out += "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                   "Connection: Upgrade\r\nSec-WebSocket-Accept: " +
                   websocket_accept(key) + "\r\n\r\n";
        append_frame(who.out, "{\"type\":\"welcome\",\"id\":" + id + ",\"name\":\"" + name +
                                  "\",\"seq\":" + std::to_string(seq_) +
                                  R"(,"mutex":"none","guard":"none","limits":{}})");
        // The welcome contains seq_, so the client gets only newer messages.
        newcomers_.push_back(&who);
        who.joined_at = round_.size();
        who.joined = true;
        return end_of_header + 4;
    }

    std::size_t take_frames(client& who, std::string_view bytes) {
        std::size_t taken = 0;
        for (;;) {
            auto rest = bytes.substr(taken);
            constexpr std::size_t mask_size = 4;
            if (rest.size() < 2 + mask_size)
                return taken;
            const auto short_length = static_cast<unsigned char>(rest[1]) & 0x7F;
            const std::size_t header = mask_size + (short_length < 126    ? 2
                                                    : short_length == 126 ? 4
                                                                          : 10);
            if (rest.size() < header)
                return taken;
            const auto size = chat::frame_size(rest) + mask_size;
            if (rest.size() < size)
                return taken;
            char* payload = const_cast<char*>(rest.data()) + header;
            unmask(payload, size - header);
            take_frame(who, rest[0], {payload, size - header});
            taken += size;
            if (who.gone)
                return bytes.size();
        }
    }

    // Unmasks in place. The bytes belong to the input buffer or to the client.
    static void unmask(char* payload, std::size_t size) {
        std::uint32_t mask = 0;
        std::memcpy(&mask, payload - 4, 4);
        std::size_t i = 0;
        const auto wide = std::uint64_t{mask} << 32 | mask;
        for (; i + 8 <= size; i += 8) {
            std::uint64_t word = 0;
            std::memcpy(&word, payload + i, 8);
            word ^= wide;
            std::memcpy(payload + i, &word, 8);
        }
        for (; i < size; ++i)
            payload[i] ^= static_cast<const char*>(static_cast<const void*>(&mask))[i % 4];
    }

    void take_frame(client& who, char first, std::string_view payload) {
        switch (first & 0x0F) {
        case 1:
            say(who, payload);
            break;
        case 8:
            append_frame(who.out, payload.substr(0, 2), '\x88');
            send(who, {});
            end(who);
            break;
        case 9:
            append_frame(who.out, payload, '\x8A');
            touched_.push_back(&who);
            break;
        default:
            break;
        }
    }

    void say(client& who, std::string_view request) {
        const auto text = value_behind(request, R"("text":")", "\"");
        const auto ref = value_behind(request, R"("ref":)", ",}");
        ++seq_;
        payload_.assign(R"({"type":"message","seq":)");
        append_number(payload_, seq_);
        payload_.append(who.from).append(text).append(R"(","time":")");
        payload_.append(time_.now()).append("\"}");
        append_frame(round_, payload_);
        payload_.assign(R"({"type":"ack","ref":)");
        payload_.append(ref.empty() ? "null"sv : ref).append(R"(,"seq":)");
        append_number(payload_, seq_);
        payload_ += '}';
        append_frame(who.out, payload_);
    }

    void finish_round() {
        const std::string_view news{round_};
        if (!news.empty()) {
            for (auto* who : everyone_)
                send(*who, news);
        }
        for (auto* who : newcomers_) {
            send(*who, news.substr(who->joined_at));
            who->index = everyone_.size();
            everyone_.push_back(who);
        }
        newcomers_.clear();
        round_.clear();
        for (auto* who : touched_)
            send(*who, {});
        touched_.clear();
        for (auto* who : ended_)
            remove(who);
        ended_.clear();
    }

    // Sends both parts in one call. A single part goes through send(), which is cheaper than sendmsg().
    static ssize_t send_both(int socket, std::string_view own, std::string_view news) {
        if (own.empty() || news.empty()) {
            const auto only = own.empty() ? news : own;
            return ::send(socket, only.data(), only.size(), MSG_NOSIGNAL);
        }
        std::array<iovec, 2> parts{{{const_cast<char*>(own.data()), own.size()},
                                    {const_cast<char*>(news.data()), news.size()}}};
        msghdr message{};
        message.msg_iov = parts.data();
        message.msg_iovlen = parts.size();
        return ::sendmsg(socket, &message, MSG_NOSIGNAL);
    }

    void send(client& who, std::string_view news) {
        if (who.gone)
            return;
        std::size_t sent = 0;
        // A full socket is not tried again in every round, but only after epoll reports room.
        if (!who.socket_full || news.empty()) {
            const auto result = send_both(who.socket, who.out, news);
            if (result < 0 && errno != EAGAIN) {
                end(who);
                return;
            }
            sent = result < 0 ? 0 : static_cast<std::size_t>(result);
        }
        if (sent == who.out.size() + news.size() && !who.socket_full) {
            who.out.clear();
            return;
        }
        const auto of_own = std::min(sent, who.out.size());
        who.out.erase(0, of_own);
        who.out += news.substr(sent - of_own);
        if (who.socket_full == who.out.empty()) {
            who.socket_full = !who.out.empty();
            const auto what = who.socket_full ? EPOLLIN | EPOLLOUT : EPOLLIN;
            watch(EPOLL_CTL_MOD, who.socket, static_cast<std::uint32_t>(what), &who);
        }
    }

    // Marks the client as gone. It is closed at the end of the round, because until then events and
    // lists may still refer to it.
    void end(client& who) {
        if (who.gone)
            return;
        who.gone = true;
        ended_.push_back(&who);
    }

    void remove(client* who) {
        if (who->index < everyone_.size() && everyone_[who->index] == who) {
            everyone_[who->index] = everyone_.back();
            everyone_[who->index]->index = who->index;
            everyone_.pop_back();
        }
        ::close(who->socket);
        delete who;
    }

    bool quiet_reading_;
    int epoll_;
    int listener_;
    std::array<epoll_event, 1024> events_{};
    std::uint64_t last_id_ = 0;
    std::uint64_t seq_ = 0;
    time_stamp time_;
    std::string payload_;
    std::string round_; // the frames of this round
    std::vector<client*> everyone_;
    std::vector<client*> newcomers_;
    std::vector<client*> touched_; // clients with replies to send, or whose sockets have room again
    std::vector<client*> ended_;
    std::array<char, 64 * 1024> input_{};
};

} // namespace

int main(int argc, char** argv) {
    try {
        int port = 0;
        bool quiet_reading = false;
        for (int i = 1; i < argc; ++i) {
            if (argv[i] == "--quiet-reading"sv)
                quiet_reading = true;
            else if (argv[i] == "--second-thread"sv)
                std::thread{[] { ::pause(); }}.detach();
            else if (argv[i] == "--port"sv && i + 1 < argc)
                port = std::atoi(argv[++i]);
        }
        server{static_cast<std::uint16_t>(port), quiet_reading}.run();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "raw_epoll_server: %s\n", error.what());
        return 1;
    }
}
