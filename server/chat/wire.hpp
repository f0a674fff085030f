// The write side of one connection, beneath Beast's WebSocket stream (Beast calls it the next
// layer). Beast reads through it and sends handshake, pong and close through it; chat's own frames
// enter beside Beast. What waits to be sent is kept in an outbox, which never splits one frame by
// another. One system call sends everything that is owed: send, or sendmsg for several lanes.
//
// Loop thread only. Completions are posted, never run inside the call that causes them.
#pragma once

#include "server/chat/message_buffer.hpp"
#include "server/chat/outbox.hpp"
#include "server/chat/send_now.hpp"
#include "server/loop/loop_executor.hpp"
#include "server/loop/parked_handler.hpp"
#include "server/loop/wake_up.hpp"

#include <boost/asio/associator.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/role.hpp>

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace chat {

using error_code = boost::system::error_code;

class wire;

/// A handler of Beast's for a read: what the read brings is counted on its way to it.
template <class Handler>
struct counted_read {
    wire* self;
    Handler handler;

    void operator()(error_code error, std::size_t size);
};

class wire {
public:
    using executor_type = loop_executor;
    using socket_type = asio::basic_stream_socket<asio::ip::tcp, loop_executor>;
    using clock = std::chrono::steady_clock;

    /// Sets TCP_NODELAY, because frames are gathered here, not by the kernel's timers. Sets
    /// TCP_NOTSENT_LOWAT and SO_RCVBUF, so that unsent data stays here and unread data stays with the
    /// peer, not in kernel buffers.
    explicit wire(socket_type socket);

    /// Names the session that owns this wire. It stays alive while a wait on the socket is pending.
    void set_owner(std::weak_ptr<void> owner) { owner_ = std::move(owner); }

    /// Prefetches what a send touches.
    void prefetch() const {
        __builtin_prefetch(&socket_);
        __builtin_prefetch(&outbox_);
    }

    // --- Chat's side ---

    /// See outbox. Nothing is sent before the next send_news() or flush().
    [[nodiscard]] bool push_reply(std::string_view frame) { return outbox_.push_reply(frame); }

    void push_gap(std::string_view frame) { outbox_.push_gap(frame); }

    void set_presence(std::string_view frame) { outbox_.set_presence(frame); }

    /// Sleeps until the reply lane has shrunk, or the wire is closed. Only for the reader.
    [[nodiscard]] auto reply_lane_shrunk() { return lane_has_room_.wait(); }

    /// Sends everything that is owed, with the news last, as far as the socket takes it now. Returns
    /// how many messages of the batch were taken. If it returns 0, await takes_news() before the next
    /// try, unless the wire is closed.
    [[nodiscard]] std::uint64_t send_news(const news_batch& news);

    /// True if news would go out now, and alone.
    [[nodiscard]] bool owes_only_news() const {
        return outbox_.owes_only_news() && !blocked_since_;
    }

    class deferred_news;

    /// Prepares news for a send later in this turn of the loop. Requires owes_only_news(), and until
    /// then the wire must not be used otherwise.
    [[nodiscard]] deferred_news defer(news_batch news);

    /// Sleeps until the socket takes bytes again, or the wire is closed. Do not hold a batch
    /// meanwhile: a client that does not read must not keep the buffer's memory from being freed.
    task<> takes_news();

    /// Closes the outbox with this close frame, and sends. After that, what Beast sends counts as
    /// sent; for a close frame of Beast's, only when ours is out. The server sends its own close
    /// frame because Beast's async_close beside an async_read can deadlock: async_close holds the
    /// write lock and waits for the read lock; async_read, on a malformed frame, does the reverse.
    void send_close_frame(std::string_view frame);

    /// Sends what the lanes hold, as far as the socket takes it now.
    void flush() { send_owed({}); }

    /// Since when the socket has been full without the peer taking anything, as far as is known.
    [[nodiscard]] std::optional<clock::time_point> blocked_since() const { return blocked_since_; }

    /// Asks the kernel. True if the peer has taken something since the last call. This recognises a
    /// client that reads slowly: a full socket takes bytes again only after much has gone. May be
    /// false if more was sent meanwhile.
    [[nodiscard]] bool has_taken_something(clock::time_point now);

    /// True if no more news is taken: a close frame is on its way, or the socket is closed.
    [[nodiscard]] bool is_closing() const { return outbox_.is_closing(); }

    /// From now on, ends reading with operation_aborted when more than `most` bytes have come in that
    /// were not explained. Beast skips an empty fragment silently, so only the wire can see a flood of
    /// them.
    void limit_unexplained(std::size_t most) {
        unexplained_ = 0;
        most_unexplained_ = most;
    }

    /// Counts this many of the received bytes as a useful frame.
    void explain(std::size_t bytes) { unexplained_ -= std::min(bytes, unexplained_); }

    /// Counts all received bytes as a message.
    void explain_all() { unexplained_ = 0; }

    [[nodiscard]] bool has_read_too_much() const { return unexplained_ > most_unexplained_; }

    /// Ends a read with operation_aborted. Only for the handshake, while nothing is being written.
    void cancel();

    /// Closes the connection at once, and drops what is owed.
    void close();

    /// Resets the connection. That also drops what the kernel has queued for a peer that does not
    /// read.
    void abort();

    // --- Beast's side: AsyncReadStream, AsyncWriteStream, teardown ---

    [[nodiscard]] executor_type get_executor() { return socket_.get_executor(); }

    template <class Buffers, class Token>
    auto async_read_some(const Buffers& buffers, Token&& token) {
        return asio::async_initiate<Token, void(error_code, std::size_t)>(start_read{}, token, this,
                                                                          buffers);
    }

    /// Only one write at a time, which is how Beast writes. Completes with the whole size, when all
    /// of it has been sent.
    template <class Buffers, class Token>
    auto async_write_some(const Buffers& buffers, Token&& token) {
        return asio::async_initiate<Token, void(error_code, std::size_t)>(start_control{}, token,
                                                                          this, buffers);
    }

    /// Shuts down sending, then reads what the peer still sends, within bounds, and closes. If input
    /// were left unread, the kernel would answer with a reset, and the close frame would be lost.
    task<> linger(std::shared_ptr<void> owner,
                  std::chrono::milliseconds at_most = std::chrono::seconds{2});

    template <class Handler>
    friend void async_teardown(boost::beast::role_type, wire& self, Handler&& handler) {
        auto done = [handler = std::forward<Handler>(handler)](std::exception_ptr) mutable {
            std::move(handler)(error_code{});
        };
        asio::co_spawn(self.get_executor(), self.linger(self.owner_.lock()), std::move(done));
    }

    friend void teardown(boost::beast::role_type, wire& self, error_code&) { self.close(); }

    friend void beast_close_socket(wire& self) { self.close(); }

private:
    template <class Handler>
    friend struct counted_read;

    struct start_read {
        template <class Handler>
        void operator()(Handler handler, wire* self, const auto& buffers) const {
            self->socket_.async_read_some(buffers, counted_read<Handler>{self, std::move(handler)});
        }
    };

    struct start_control {
        void operator()(auto handler, wire* self, const auto& buffers) const {
            self->control_done_ = std::move(handler);
            const auto copy = [&](char* to, std::size_t size) {
                asio::buffer_copy(asio::buffer(to, size), buffers);
            };
            self->outbox_.push_control(asio::buffer_size(buffers), copy);
            self->send_control();
        }
    };

    void send_control();
    std::uint64_t send_owed(const news_batch& news);
    std::uint64_t settle(const outbox::gathered& owed, ssize_t sent);
    std::uint64_t settle_lanes(const outbox::gathered& owed, std::size_t sent);
    std::uint64_t settle_deferred(const deferred_news& news, ssize_t sent);
    void wait_until_writable();
    void complete_control(error_code result);
    void stop_news();
    void wake_sleepers();

    socket_type socket_;
    std::optional<clock::time_point> blocked_since_;
    int in_kernel_ = 0;           // bytes, at the last call of has_taken_something()
    bool has_made_room_ = false;  // the peer, since that call
    std::size_t unexplained_ = 0; // bytes read
    std::size_t most_unexplained_ = std::numeric_limits<std::size_t>::max();
    outbox outbox_;
    std::weak_ptr<void> owner_;
    parked_handler<error_code, std::size_t> control_done_; // completes Beast's write
    wake_up lane_has_room_;
    wake_up socket_has_room_;
};

template <class Handler>
void counted_read<Handler>::operator()(error_code error, std::size_t size) {
    if (!error) { // else the wire may be gone
        self->unexplained_ += size;
        if (self->has_read_too_much()) {
            error = asio::error::operation_aborted;
            size = 0;
        }
    }
    std::move(handler)(error, size);
}

/// News that counts as taken, but is sent later in this turn. By then the wire has probably left the
/// cache, so the send does not touch it unless the socket takes less than everything.
class wire::deferred_news {
public:
    deferred_news() = default;

    /// Sends. Returns nothing if the socket took everything; the caller then updates the counters.
    /// Otherwise the wire has updated them; returns how many messages were not taken.
    [[nodiscard]] std::optional<std::uint64_t> send() {
        const auto sent = send_now(socket_, frames_);
        if (sent == static_cast<ssize_t>(frames_.size()))
            return {};
        return count_ - out_->settle_deferred(*this, sent);
    }

    [[nodiscard]] std::uint64_t messages() const { return count_; }

    [[nodiscard]] std::size_t bytes() const { return frames_.size(); }

    /// Lets the buffer free the memory of the news.
    void release() { owner_.reset(); }

private:
    friend class wire;

    deferred_news(wire& out, int socket, news_batch news)
        : out_{&out}
        , socket_{socket}
        , owner_{std::move(news.owner)}
        , frames_{news.frames}
        , count_{news.count} {}

    wire* out_ = nullptr;
    int socket_ = -1;
    // Less than a news_batch, so that an element of the round fits into one cache line.
    boost::local_shared_ptr<const void> owner_;
    std::string_view frames_;
    std::uint64_t count_ = 0;
};

inline wire::deferred_news wire::defer(news_batch news) {
    return {*this, socket_.native_handle(), std::move(news)};
}

} // namespace chat

// Executor, allocator and the like are those of the handler within.
template <template <class, class> class Associator, class Handler, class Candidate>
struct boost::asio::associator<Associator, chat::counted_read<Handler>, Candidate>
    : Associator<Handler, Candidate> {
    static decltype(auto) get(const chat::counted_read<Handler>& read) noexcept {
        return Associator<Handler, Candidate>::get(read.handler);
    }

    static decltype(auto) get(const chat::counted_read<Handler>& read,
                              const Candidate& candidate) noexcept {
        return Associator<Handler, Candidate>::get(read.handler, candidate);
    }
};
