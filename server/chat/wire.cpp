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

constexpr std::size_t reply_lane_bytes = 64 * 1024;
constexpr std::size_t linger_bytes = 1024 * 1024;

// How much the kernel may queue for a peer beyond the data in flight. By default Linux lets this grow
// to 4 MB for each slow peer: memory that none of our options limits, and that every pong waits
// behind. The socket takes bytes again only after half of this has gone.
constexpr int unsent_bytes = 128 * 1024;

// How much received data the kernel may keep while we do not read, for example because the peer does
// not read its replies. (The kernel doubles the value for its own bookkeeping.) By default this grows
// to some megabytes.
constexpr int unread_bytes = 64 * 1024;

// Frees memory after a long reply. A reply that is alone in its lane may be as long as a message.
void give_back_room(std::string& lane) {
    if (lane.empty() && lane.capacity() > reply_lane_bytes)
        lane.shrink_to_fit();
}

} // namespace

wire::wire(socket_type socket)
    : socket_{std::move(socket)}
    , lane_has_room_{socket_.get_executor()}
    , socket_has_room_{socket_.get_executor()} {
    error_code ignored; // fails only if the peer has gone, which the next read will report
    socket_.set_option(asio::ip::tcp::no_delay{true}, ignored);
    ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes,
                 sizeof unsent_bytes);
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVBUF, &unread_bytes,
                 sizeof unread_bytes);
}

bool wire::push_reply(std::string_view frame) {
    if (closing_)
        return true; // dropped, because the peer will not read it
    if (!replies_.empty() && replies_.size() + frame.size() > reply_lane_bytes)
        return false;
    replies_ += frame;
    only_news_ = false;
    return true;
}

void wire::push_gap(std::string_view frame) {
    if (closing_)
        return;
    replies_ += frame;
    only_news_ = false;
}

std::uint64_t wire::send_news(const news_batch& news) {
    return blocked_since_ || closing_ ? 0 : send_owed(news);
}

task<> wire::takes_news() {
    // Loop, because the first wait may return for an earlier notification.
    while (blocked_since_ && !closing_)
        co_await socket_has_room_.wait();
}

void wire::send_close_frame(std::string_view frame) {
    if (closing_)
        return;
    stop_news();
    has_own_close_frame_ = true;
    close_frame_ = frame;
    only_news_ = false;
    flush();
}

void wire::control_is_ready() {
    only_news_ = false;
    if (!socket_.is_open()) {
        complete_control(asio::error::operation_aborted);
        return;
    }
    constexpr char close_frame_start = '\x88';
    const bool closes = control_.starts_with(close_frame_start);
    if (has_own_close_frame_) {
        control_sent_ = control_.size(); // counts as sent: nothing follows our close frame
        // After its close frame Beast shuts the socket down, which would cut off ours if it is still
        // queued. A pong need not wait, and reading continues.
        if (!closes || !blocked_since_)
            complete_control({});
        return;
    }
    if (closes)
        stop_news();
    flush();
}

void wire::gathered::add(lane from, std::string_view part, std::uint64_t messages) {
    if (part.empty())
        return;
    parts[used] = {const_cast<char*>(part.data()), part.size()};
    segments[used++] = {from, messages};
    bytes += part.size();
    news += messages;
}

wire::gathered wire::gather(const news_batch& news) const {
    gathered owed;
    if (!only_news_)
        gather_lanes(owed);
    if (!closing_)
        owed.add(lane::news, news.frames, news.count);
    return owed;
}

void wire::gather_lanes(gathered& owed) const {
    const auto control = std::string_view{control_}.substr(control_sent_);
    // The rest of a cut frame goes first. Only one of these two can be cut, because nothing starts
    // before the rest of the other has been sent.
    owed.add(lane::tail, tail_);
    const bool control_closes = closing_ && !has_own_close_frame_ && control_sent_ == 0;
    if (!control_closes)
        owed.add(lane::control, control);
    owed.add(lane::replies, replies_);
    if (closing_) {
        // A close frame is the last frame, so it follows the replies.
        owed.add(lane::close, close_frame_);
        if (control_closes)
            owed.add(lane::control, control);
        return;
    }
    owed.add(lane::presence, presence_);
}

std::uint64_t wire::send_owed(const news_batch& news) {
    if (blocked_since_ || !socket_.is_open())
        return 0;
    auto owed = gather(news);
    if (owed.used == 0)
        return 0;
    return account_for(owed, send_now(socket_.native_handle(), {owed.parts.data(), owed.used}));
}

std::uint64_t wire::sent_in_part(const news_batch& news, ssize_t sent) {
    return account_for(gather(news), sent);
}

std::uint64_t wire::account_for(const gathered& owed, ssize_t sent) {
    if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
        close();
        return 0;
    }
    const auto size = static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
    // Nearly always only news was owed, and all of it was sent.
    const bool whole = size == owed.bytes;
    const auto taken = only_news_ && whole ? owed.news : settle(owed, size);
    counted.sent_bytes.add(size);
    counted.deliveries.add(taken);
    only_news_ = whole; // if a send cut only news, false costs no more than a look at the lanes
    if (!only_news_)
        wait_until_writable();
    return taken;
}

std::uint64_t wire::settle(const gathered& owed, std::size_t sent) {
    std::uint64_t news_taken = 0;
    for (std::size_t i = 0; i < owed.used; ++i) {
        const auto [from, news] = owed.segments[i];
        const std::string_view bytes{static_cast<const char*>(owed.parts[i].iov_base),
                                     owed.parts[i].iov_len};
        const auto part = std::min(sent, bytes.size());
        if (part == 0)
            break;
        sent -= part;
        switch (from) {
        case lane::tail:
            tail_.erase(0, part);
            give_back_room(tail_);
            break;
        case lane::control:
            control_sent_ += part;
            if (control_sent_ == control_.size())
                complete_control({});
            break;
        case lane::replies:
            take_from(replies_, part);
            lane_has_room_.notify();
            break;
        case lane::close:
            take_from(close_frame_, part);
            break;
        case lane::presence:
            take_from(presence_, part);
            break;
        case lane::news:
            // Nearly always sent whole: then there is no need to find where its frames end.
            news_taken += part == bytes.size() ? news : take_news(bytes, part);
            break;
        }
    }
    return news_taken;
}

// Removes sent bytes from the lane. The rest of a cut frame becomes the tail.
void wire::take_from(std::string& waiting, std::size_t sent) {
    const auto end = sent == waiting.size() ? sent : cut_frames(waiting, sent).end;
    if (end == sent) {
        waiting.erase(0, sent);
    } else if (end == waiting.size()) { // only the cut frame is left; it may be long, so move it
        tail_ = std::exchange(waiting, {});
        tail_.erase(0, sent);
    } else {
        tail_ = waiting.substr(sent, end - sent);
        waiting.erase(0, end);
    }
    give_back_room(waiting);
}

// Returns how many messages were taken: sent whole, or cut.
std::uint64_t wire::take_news(std::string_view frames, std::size_t sent) {
    const auto cut = cut_frames(frames, sent);
    tail_ = frames.substr(sent, cut.end - sent);
    return cut.frames;
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
            return; // closed: close() has woken all waiters
        blocked_since_.reset();
        has_made_room_ = true;
        flush();
        if (blocked_since_)
            return;
        socket_has_room_.notify();
        if (has_own_close_frame_) // our frame has been sent: see control_is_ready
            complete_control({});
    });
}

void wire::complete_control(error_code result) {
    const auto size = control_.size();
    control_.clear();
    // The handshake response is longer than everything that follows, so its memory is freed.
    constexpr std::size_t longest_control_frame = 2 + 125;
    if (size > longest_control_frame)
        control_.shrink_to_fit();
    control_sent_ = 0;
    if (auto done = std::exchange(control_done_, {}))
        std::move(done).post(socket_.get_executor(), result, result ? 0 : size);
}

void wire::stop_news() {
    closing_ = true;
    presence_.clear();
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
