// The write side of one connection, beneath Beast's WebSocket stream (Beast calls it the next layer).
// Beast reads through the wire and sends handshake, pong and close frames through it; the chat's own
// frames bypass Beast. The wire never splits a frame with another frame. It sends everything that is
// owed with one system call: send, or sendmsg if several lanes hold something.
//
//   Beast's bytes ──────────────► control lane ──┐
//   welcome, ack, error, gap ───► reply lane ────┤
//   presence ───────────────────► newest only ───┼─► one send ─► socket
//   the buffer's news ───────────────────────────┘
//
// The order is: the rest of a cut frame, control, replies, presence, news. A close frame follows the
// replies, and nothing follows a close frame.
//
// Loop thread only. Completions are posted, never run inside the call that causes them.
#pragma once

#include "server/chat/frame.hpp"
#include "server/chat/message_buffer.hpp"
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

/// Wraps one of Beast's read handlers: counts the bytes that were read, then calls the handler.
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

    /// Sets TCP_NODELAY, because frames are gathered here and not by the kernel's timers. Sets
    /// TCP_NOTSENT_LOWAT and SO_RCVBUF, so that unsent data stays here and unread data stays with the
    /// peer, not in kernel buffers.
    explicit wire(socket_type socket);

    /// Sets the session that owns this wire. A pending wait on the socket keeps the owner alive.
    void set_owner(std::weak_ptr<void> owner) { owner_ = std::move(owner); }

    /// Prefetches the data that a send uses.
    void prefetch() const {
        __builtin_prefetch(&socket_);
        __builtin_prefetch(&only_news_);
    }

    // --- Chat's side ---

    /// Puts a whole frame into the reply lane. Returns false if the lane is full (64 KiB).
    [[nodiscard]] bool push_reply(std::string_view frame);

    /// Puts a gap into the reply lane, even if the lane is full. There is never more than one gap,
    /// because the send_news that follows takes news only after all replies have been sent.
    void push_gap(std::string_view frame);

    /// Sleeps until the reply lane has shrunk, or the wire is closed. Only for the reader.
    [[nodiscard]] auto reply_lane_shrunk() { return lane_has_room_.wait(); }

    /// Replaces a presence frame that has not been sent yet.
    void set_presence(std::string_view frame) {
        presence_ = frame;
        only_news_ = false;
    }

    /// Sends news and everything else that is owed, as far as the socket takes it now. Returns how
    /// many messages of the batch were taken. 0 means: await takes_news() before the next try, unless
    /// the wire is closed.
    [[nodiscard]] std::uint64_t send_news(const news_batch& news);

    /// True if news would be sent at once, and nothing else with it.
    [[nodiscard]] bool owes_nothing() const { return only_news_ && !blocked_since_ && !closing_; }

    [[nodiscard]] int native_handle() { return socket_.native_handle(); }

    /// Records a send that the caller made while owes_nothing() was true: `sent` is less than all
    /// bytes, or -1 with errno set. Returns how many messages were taken.
    std::uint64_t sent_in_part(const news_batch& news, ssize_t sent);

    /// Sleeps until the socket takes bytes again, or the wire is closed. Hold no batch meanwhile: it
    /// would keep the buffer's memory allocated for a client that does not read.
    task<> takes_news();

    /// Sends this close frame after the replies that have been accepted. Anything that Beast sends
    /// afterwards counts as sent; a close frame from Beast counts as sent once this one is out. The
    /// chat does not use Beast's async_close, because it and async_read can block each other
    /// permanently: async_close holds the write lock and waits for the read lock; async_read, on a
    /// malformed frame, does the reverse.
    void send_close_frame(std::string_view frame);

    /// Sends the contents of the lanes, as far as the socket takes them now.
    void flush() { send_owed({}); }

    /// The time since which the socket has been full and the peer, as far as is known, has taken
    /// nothing. Empty if the socket is not full.
    [[nodiscard]] std::optional<clock::time_point> blocked_since() const { return blocked_since_; }

    /// True if the peer has taken something since the last call, according to the kernel. Finds slow
    /// readers that are alive, because the socket takes bytes again only after much was sent. May be
    /// false if more has been sent meanwhile.
    [[nodiscard]] bool has_taken_something(clock::time_point now);

    /// True if no more news is taken: a close frame is on its way, or the socket is closed.
    [[nodiscard]] bool is_closing() const { return closing_; }

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

    /// Ends a read with operation_aborted. For the handshake, while nothing is being written.
    void cancel();

    /// Ends the connection at once, and drops what is owed.
    void close();

    /// The same with a reset, which also drops the kernel's queue for a peer that does not read.
    void abort();

    // --- Beast's side: AsyncReadStream, AsyncWriteStream, teardown ---

    [[nodiscard]] executor_type get_executor() { return socket_.get_executor(); }

    template <class Buffers, class Token>
    auto async_read_some(const Buffers& buffers, Token&& token) {
        return asio::async_initiate<Token, void(error_code, std::size_t)>(start_read{}, token, this,
                                                                          buffers);
    }

    /// One write at a time, as Beast does. Completes with the whole size when everything is sent.
    template <class Buffers, class Token>
    auto async_write_some(const Buffers& buffers, Token&& token) {
        return asio::async_initiate<Token, void(error_code, std::size_t)>(start_control{}, token,
                                                                          this, buffers);
    }

    /// Ends sending, then reads (within bounds) what the peer still sends, and closes. Without that,
    /// unread input makes the kernel answer with a reset, and the close frame is lost.
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
            self->begin_control(asio::buffer_size(buffers), [&](char* to, std::size_t size) {
                asio::buffer_copy(asio::buffer(to, size), buffers);
            });
        }
    };

    template <class Fill>
    void begin_control(std::size_t size, Fill fill) {
        control_.resize(size);
        fill(control_.data(), size);
        control_is_ready();
    }

    enum class lane { tail, control, replies, close, presence, news };

    // The parts of one send, in order.
    struct gathered {
        struct segment {
            lane from;
            std::uint64_t news; // messages in it
        };

        std::array<iovec, 5> parts; // for the kernel; only the first `used` of both arrays are set
        std::array<segment, 5> segments;
        std::size_t used = 0;
        std::size_t bytes = 0;
        std::uint64_t news = 0; // messages in total

        void add(lane from, std::string_view part, std::uint64_t messages = 0);
    };

    void control_is_ready();
    [[nodiscard]] gathered gather(const news_batch& news) const;
    void gather_lanes(gathered& owed) const;
    std::uint64_t send_owed(const news_batch& news);
    std::uint64_t account_for(const gathered& owed, ssize_t sent);
    std::uint64_t settle(const gathered& owed, std::size_t sent);
    void take_from(std::string& waiting, std::size_t sent);
    std::uint64_t take_news(std::string_view frames, std::size_t sent);
    void wait_until_writable();
    void complete_control(error_code result);
    void stop_news();

    socket_type socket_;
    std::optional<clock::time_point> blocked_since_;
    int in_kernel_ = 0;           // bytes in the kernel's queue when it was last asked
    bool has_made_room_ = false;  // the peer has taken enough since then
    std::size_t unexplained_ = 0; // bytes read
    std::size_t most_unexplained_ = std::numeric_limits<std::size_t>::max();
    bool closing_ = false;
    bool has_own_close_frame_ = false; // from send_close_frame, not from Beast
    // True if the lanes below are empty: nearly every delivery can skip them.
    bool only_news_ = true;
    std::weak_ptr<void> owner_;

    std::string tail_;             // the rest of the one frame that a send has cut; goes first
    std::string control_;          // Beast's bytes
    std::size_t control_sent_ = 0; // if not 0, nothing goes before the rest of control_
    parked_handler<error_code, std::size_t> control_done_;
    std::string replies_;
    std::string close_frame_;
    std::string presence_;

    wake_up lane_has_room_;
    wake_up socket_has_room_;
};

template <class Handler>
void counted_read<Handler>::operator()(error_code error, std::size_t size) {
    if (!error) { // on an error the wire may no longer exist
        self->unexplained_ += size;
        if (self->has_read_too_much()) {
            error = asio::error::operation_aborted;
            size = 0;
        }
    }
    std::move(handler)(error, size);
}

} // namespace chat

// Uses the executor, allocator and so on of the wrapped handler.
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
