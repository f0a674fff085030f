#include "client/self_test.hpp"

#include "client/client.hpp"
#include "client/report/facts.hpp"
#include "server/chat/frame.hpp"

#include <spdlog/fmt/fmt.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <deque>
#include <iterator>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace chat::load {

namespace {

constexpr std::uint32_t listeners = 100;
constexpr std::uint32_t message_bytes = 64;

int checked(int result, const char* what) {
    if (result < 0)
        throw std::system_error{errno, std::generic_category(), what};
    return result;
}

struct loopback_pair {
    int feeder;
    int listener;
};

/// Connects two TCP sockets, as a real server would. A socketpair would be cheaper for the kernel,
/// so the result would be too high.
loopback_pair make_pair() {
    const int acceptor = checked(::socket(AF_INET, SOCK_STREAM, 0), "socket");
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    auto* const address = reinterpret_cast<sockaddr*>(&where);
    checked(::bind(acceptor, address, size), "bind");
    checked(::listen(acceptor, 1), "listen");
    checked(::getsockname(acceptor, address, &size), "getsockname");
    const int feeder = checked(::socket(AF_INET, SOCK_STREAM, 0), "socket");
    checked(::connect(feeder, address, size), "connect");
    const int listener = checked(::accept(acceptor, nullptr, nullptr), "accept");
    ::close(acceptor);
    return {.feeder = feeder, .listener = listener};
}

/// The frames that a server would send, back to back.
struct prepared_frames {
    std::string bytes;
    std::vector<std::size_t> ends{0};

    prepared_frames(std::string_view run, std::uint32_t messages) {
        for (std::uint32_t number = 0; number < messages; ++number) {
            const auto text = stamped_text(run, {.sender = 0, .number = number}, message_bytes);
            bytes += text_frame(fmt::format(
                R"({{"type":"message","seq":{},"id":1,"from":"load-1","text":"{}","time":"2026-01-01T00:00:00.000Z"}})",
                number + 1, text));
            ends.push_back(bytes.size());
        }
    }
};

void feed(const std::vector<int>& feeders, const prepared_frames& frames, std::size_t at_once) {
    for (std::size_t first = 0; first + 1 < frames.ends.size(); first += at_once) {
        const auto last = std::min(first + at_once, frames.ends.size() - 1);
        for (const int feeder : feeders)
            for (auto at = frames.ends[first]; at < frames.ends[last];) {
                const auto sent =
                    ::send(feeder, frames.bytes.data() + at, frames.ends[last] - at, MSG_NOSIGNAL);
                if (sent < 0 && errno != EINTR)
                    return;
                at += static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
            }
    }
}

double thread_seconds() {
    timespec used{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

struct pace {
    double per_second;
    /// Per second of this thread's CPU time: the limit even if the feeding thread is slower.
    double per_cpu_second;
};

pace take(std::uint32_t messages, std::size_t at_once) {
    asio::io_context loop{1};
    poller sockets{loop};
    ledger book{listeners, 1};
    error_counts errors;
    read_buffer shared(read_buffer_bytes);
    run_context run{.loop = loop,
                    .sockets = sockets,
                    .book = book,
                    .errors = errors,
                    .shared = shared,
                    .run = new_run_id()};
    const prepared_frames frames{run.run, messages};
    std::vector<int> feeders;
    // The order matters if an exception is thrown: the clients are destroyed first, which unblocks the
    // feeding thread, which is then joined.
    std::jthread feeding;
    std::deque<client> clients;
    for (std::uint32_t i = 0; i < listeners; ++i) {
        const auto [feeder, listener] = make_pair();
        feeders.push_back(feeder);
        clients.emplace_back(run, i).take_over(listener);
    }
    for (std::uint32_t number = 0; number < messages; ++number)
        book.send(0, clock::now(), clock::now());

    const auto begin = clock::now();
    const auto cpu_begin = thread_seconds();
    feeding = std::jthread{[&] { feed(feeders, frames, at_once); }};
    while (book.totals().in_flight > 0 && clock::now() - begin < std::chrono::minutes{1})
        loop.run_one_for(std::chrono::seconds{1});
    const auto cpu = thread_seconds() - cpu_begin;
    const auto time = in_seconds(clock::now() - begin);
    for (auto& one : clients)
        one.drop();
    feeding.join();
    for (const int feeder : feeders)
        ::close(feeder);
    sockets.close();
    loop.run_for(std::chrono::seconds{1});

    const auto& totals = book.totals();
    if (totals.delivered != totals.expected || totals.duplicated + totals.reordered > 0 ||
        !errors.empty())
        throw std::runtime_error{fmt::format("self-test: expected {} deliveries, counted {}",
                                             totals.expected, totals.delivered)};
    const auto delivered = static_cast<double>(totals.delivered);
    return {.per_second = delivered / time, .per_cpu_second = delivered / cpu};
}

} // namespace

std::string self_test() {
    auto table = fmt::format(
        "Deliveries that chat-load handles from a thread that only sends prepared frames: {} "
        "connections, {}-byte messages\n\n"
        "   messages per send   deliveries per second   per second of CPU time\n",
        listeners, message_bytes);
    for (const std::uint32_t at_once : {1U, 4U, 16U, 64U}) {
        const auto measured = take(2000 * std::min(at_once, 8U), at_once);
        fmt::format_to(std::back_inserter(table), "  {:>18}   {:>21}   {:>22}\n", at_once,
                       grouped(static_cast<std::uint64_t>(measured.per_second)),
                       grouped(static_cast<std::uint64_t>(measured.per_cpu_second)));
    }
    return table;
}

} // namespace chat::load
