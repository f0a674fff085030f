#include "server/chat/wire.hpp"

#include "server/chat/send_now.hpp"
#include "server/numbers/counters.hpp"

#include <boost/asio/as_tuple.hpp>

#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace chat {

namespace {

constexpr std::size_t linger_bytes = 1024 * 1024;

// How much the kernel may queue for a peer beyond the data in flight. By default Linux lets this grow
// to 4 MB for each peer that does not keep up: memory that none of our options bounds, and every pong
// waits behind it. A full socket takes bytes again when half of this has gone.
constexpr int unsent_bytes = 128 * 1024;

// How much unread input of a peer the kernel may keep. We do not read from a peer that leaves its
// replies unread. The kernel doubles the number for its own bookkeeping. By default it grows to some
// megabytes.
constexpr int unread_bytes = 64 * 1024;

} // namespace

wire::wire(socket_type socket)
    : socket_{std::move(socket)}
    , lane_has_room_{socket_.get_executor()}
    , socket_has_room_{socket_.get_executor()} {
    error_code ignored; // fails only if the peer is gone already, and reading will notice that
    socket_.set_option(asio::ip::tcp::no_delay{true}, ignored);
    ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes,
                 sizeof unsent_bytes);
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVBUF, &unread_bytes,
                 sizeof unread_bytes);
}

std::uint64_t wire::send_news(const news_batch& news) {
    return blocked_since_ || is_closing() ? 0 : send_owed(news);
}

task<> wire::takes_news() {
    // A loop, because the first wait may return for an earlier notification.
    while (blocked_since_ && !is_closing())
        co_await socket_has_room_.wait();
}

void wire::send_close_frame(std::string_view frame) {
    if (is_closing())
        return;
    outbox_.push_close(frame);
    wake_sleepers();
    flush();
}

void wire::send_control() {
    if (!socket_.is_open()) {
        complete_control(asio::error::operation_aborted);
        return;
    }
    if (outbox_.has_own_close()) {
        // Beast's write counts as sent. But after its close frame Beast shuts down the socket, which
        // would cut off a close frame of ours that is not out yet. A pong need not wait, and reading
        // goes on.
        if (!outbox_.control_closes() || !blocked_since_)
            complete_control({});
        return;
    }
    if (is_closing())
        wake_sleepers();
    flush();
}

std::uint64_t wire::send_owed(const news_batch& news) {
    if (blocked_since_ || !socket_.is_open())
        return 0;
    auto owed = outbox_.gather(news);
    if (owed.bytes() == 0)
        return 0;
    return settle(owed, send_now(socket_.native_handle(), owed.parts()));
}

std::uint64_t wire::settle_deferred(const deferred_news& news, ssize_t sent) {
    return settle(outbox_.gather({.frames = news.frames_, .count = news.count_}), sent);
}

// `sent` is the result of send_now(). Returns how many messages were taken.
std::uint64_t wire::settle(const outbox::gathered& owed, ssize_t sent) {
    if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
        close();
        return 0;
    }
    const auto size = static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
    const auto taken = outbox_.is_settled(owed, size) ? owed.messages() : settle_lanes(owed, size);
    counted.sent_bytes.add(size);
    counted.deliveries.add(taken);
    return taken;
}

std::uint64_t wire::settle_lanes(const outbox::gathered& owed, std::size_t sent) {
    const auto done = outbox_.settle(owed, sent);
    if (done.control_done)
        complete_control({});
    if (done.replies_shrank)
        lane_has_room_.notify();
    if (sent < owed.bytes())
        wait_until_writable();
    return done.news_taken;
}

bool wire::has_taken_something(clock::time_point now) {
    int left = 0;
    if (::ioctl(socket_.native_handle(), SIOCOUTQ, &left) != 0)
        return false;
    // An empty queue proves nothing: it is also empty after our own ping was acknowledged.
    const bool is_shorter = left < std::exchange(in_kernel_, left) && left > 0;
    const bool has_taken = std::exchange(has_made_room_, false) || is_shorter;
    if (has_taken && blocked_since_)
        blocked_since_ = now;
    return has_taken;
}

void wire::wait_until_writable() {
    blocked_since_ = clock::now();
    in_kernel_ = 0;
    socket_.async_wait(socket_type::wait_write, [this, owner = owner_.lock()](error_code error) {
        if (error)
            return; // closed: close() has woken everyone
        blocked_since_.reset();
        has_made_room_ = true;
        flush();
        if (blocked_since_)
            return;
        socket_has_room_.notify();
        if (outbox_
                .has_own_close()) // it is out now, and Beast's may be waiting: see send_control()
            complete_control({});
    });
}

void wire::complete_control(error_code result) {
    const auto size = outbox_.clear_control();
    if (auto done = std::exchange(control_done_, {}))
        std::move(done).post(socket_.get_executor(), result, result ? 0 : size);
}

void wire::stop_news() {
    outbox_.close();
    wake_sleepers();
}

void wire::wake_sleepers() {
    lane_has_room_.notify();
    socket_has_room_.notify();
}

void wire::cancel() {
    error_code ignored;
    socket_.cancel(ignored);
}

void wire::close() {
    stop_news();
    if (!socket_.is_open())
        return;
    error_code ignored;
    socket_.close(ignored);
    complete_control(asio::error::operation_aborted);
}

void wire::abort() {
    error_code ignored;
    socket_.set_option(asio::socket_base::linger{true, 0}, ignored);
    close();
}

task<> wire::linger(std::shared_ptr<void> owner, std::chrono::milliseconds at_most) {
    stop_news();
    loop_timer deadline{get_executor(), at_most};
    deadline.async_wait([this, owner](error_code cancelled) {
        if (!cancelled)
            close();
    });
    error_code ignored;
    socket_.shutdown(socket_type::shutdown_send, ignored);
    std::array<char, 4096> unread;
    for (std::size_t total = 0; total < linger_bytes;) {
        const auto [error, size] =
            co_await socket_.async_read_some(asio::buffer(unread), asio::as_tuple(use_task));
        if (error)
            break;
        total += size;
    }
    close();
}

} // namespace chat
