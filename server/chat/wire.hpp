// The write side of one connection, beneath Beast's WebSocket stream (Beast calls it the next
// layer). Beast reads through it and sends handshake, pong and close through it; chat's own frames
// enter beside Beast. It never splits a frame by another one, and sends all that is owed with one
// system call: send, or sendmsg when several lanes have something.
//
//   Beast's bytes ──────────────► control lane ──┐
//   welcome, ack, error, gap ───► reply lane ────┤
//   presence ───────────────────► the newest ────┼─► one send ─► socket
//   the buffer's news ───────────────────────────┘
//
// In this order: what a cut frame still lacks, control, replies, presence, news. A close frame comes
// behind the replies, and nothing behind it.
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

    /// Sets TCP_NODELAY, as frames are gathered here, not by the kernel's timers, and
    /// TCP_NOTSENT_LOWAT and SO_RCVBUF, as what the peer does not take, or we do not read, shall wait
    /// here or at the peer's, not in the kernel.
    explicit wire(socket_type socket);

    /// Who must stay alive while a wait on the socket is pending (the session that owns this wire).
    void set_owner(std::weak_ptr<void> owner) { owner_ = std::move(owner); }

    /// Brings to the cache what a send touches.
    void prefetch() const {
        __builtin_prefetch(&socket_);
        __builtin_prefetch(&only_news_);
    }

    // --- Chat's side ---

    /// Puts a whole frame into the reply lane; false when the lane is full (64 KiB).
    [[nodiscard]] bool push_reply(std::string_view frame);

    /// Puts a gap into the reply lane, full or not: never more than one, since send_news, which
    /// follows, takes news only when all replies are out.
    void push_gap(std::string_view frame);

    /// Sleeps until the reply lane has shrunk, or the wire is closed. For the reader alone.
    [[nodiscard]] auto reply_lane_shrunk() { return lane_has_room_.wait(); }

    /// Replaces the presence frame that has not been sent yet.
    void set_presence(std::string_view frame) {
        presence_ = frame;
        only_news_ = false;
    }

    /// Sends news, and with it all else that is owed, as far as the socket takes it now. Returns how
    /// many messages of the batch were taken: 0 only when takes_news() is to be awaited before the
    /// next try, or the wire is closed.
    [[nodiscard]] std::uint64_t send_news(const news_batch& news);

    /// Whether news would go out alone, and now.
    [[nodiscard]] bool owes_nothing() const { return only_news_ && !blocked_since_ && !closing_; }

    [[nodiscard]] int native_handle() { return socket_.native_handle(); }

    /// Somebody else has tried to send these news while owes_nothing(), and this came of it: bytes,
    /// fewer than all, or -1 with errno set. Returns how many messages were taken.
    std::uint64_t sent_in_part(const news_batch& news, ssize_t sent);

    /// Sleeps until the socket takes bytes again, or the wire is closed. Await it without a batch: a
    /// reader that takes nothing shall keep no memory of the buffer from being freed.
    task<> takes_news();

    /// Sends this close frame behind the replies that have been accepted. What Beast wants to send
    /// after it counts as sent; a close frame of Beast's only when this one is out. Chat says
    /// goodbye itself, because Beast's async_close beside an async_read may end with each of the two
    /// waiting for the other, for ever: the one has Beast's lock for writing and wants that for
    /// reading, and the other, at a broken frame, wants it the other way round.
    void say_goodbye(std::string_view frame);

    /// Sends what the lanes hold, as far as the socket takes it now.
    void flush() { send_owed({}); }

    /// Since when the peer has taken nothing though the socket is full, as far as is known.
    [[nodiscard]] std::optional<clock::time_point> blocked_since() const { return blocked_since_; }

    /// Asks the kernel whether the peer has taken something since it was asked last. For whoever
    /// reads slowly, but does: before the socket takes bytes again, much must have gone. May say no
    /// when more has been sent meanwhile.
    [[nodiscard]] bool has_taken_something(clock::time_point now);

    /// No news is taken any more: a close frame is on its way, or the socket is gone.
    [[nodiscard]] bool is_closing() const { return closing_; }

    /// From now on reading ends, with operation_aborted, once more than this has come in that was not
    /// explained: Beast passes over an empty fragment without a word, so a flood of them is seen only
    /// here.
    void limit_unexplained(std::size_t most) {
        unexplained_ = 0;
        most_unexplained_ = most;
    }

    /// So many of the bytes that came in were a frame of use.
    void explain(std::size_t bytes) { unexplained_ -= std::min(bytes, unexplained_); }

    /// All of them: they were a message.
    void explain_all() { unexplained_ = 0; }

    [[nodiscard]] bool has_read_too_much() const { return unexplained_ > most_unexplained_; }

    /// Ends a read with operation_aborted. For the handshake, when nothing is being written.
    void cancel();

    /// Ends the connection at once and drops what is owed.
    void close();

    /// The same with a reset, which also drops what the kernel has queued for a peer that does not
    /// read.
    void abort();

    // --- Beast's side: AsyncReadStream, AsyncWriteStream, teardown ---

    [[nodiscard]] executor_type get_executor() { return socket_.get_executor(); }

    template <class Buffers, class Token>
    auto async_read_some(const Buffers& buffers, Token&& token) {
        return asio::async_initiate<Token, void(error_code, std::size_t)>(start_read{}, token, this,
                                                                          buffers);
    }

    /// One write at a time, as Beast does. Completes with the whole size, when really sent.
    template <class Buffers, class Token>
    auto async_write_some(const Buffers& buffers, Token&& token) {
        return asio::async_initiate<Token, void(error_code, std::size_t)>(start_control{}, token,
                                                                          this, buffers);
    }

    /// Says the last words, then reads (within bounds) what the peer still sends, and closes.
    /// Without that, unread input makes the kernel answer with a reset, and the close frame is
    /// lost.
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

    enum class lane { tail, control, replies, goodbye, presence, news };

    // What one send gathers, in order.
    struct gathered {
        struct segment {
            lane from;
            std::uint64_t news; // messages in it
        };

        std::array<iovec, 5> parts; // for the kernel; no more than `used` of both are set
        std::array<segment, 5> segments;
        std::size_t used = 0;
        std::size_t bytes = 0;
        std::uint64_t news = 0; // messages in all

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
    int in_kernel_ = 0;           // bytes, when it was asked last
    bool has_made_room_ = false;  // the peer, since then
    std::size_t unexplained_ = 0; // bytes read
    std::size_t most_unexplained_ = std::numeric_limits<std::size_t>::max();
    bool closing_ = false;
    bool said_goodbye_ = false;
    bool only_news_ =
        true; // the lanes below are empty, as for nearly every delivery: a look spared
    std::weak_ptr<void> owner_;

    std::string tail_;             // what a partial send left of exactly one frame; goes first
    std::string control_;          // Beast's bytes
    std::size_t control_sent_ = 0; // once it has begun, nothing goes before the rest of it
    parked_handler<error_code, std::size_t> control_done_;
    std::string replies_;
    std::string goodbye_;
    std::string presence_;

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
