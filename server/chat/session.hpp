// One client: the handshake, then a reader that turns frames into calls to the room. The session also
// keeps the cursor of the room's deliver task for this client. Beast stays behind this header.
// Loop thread only. Owned by its coroutines; the roster holds it while the client takes part.
#pragma once

#include "server/chat/admission.hpp"
#include "server/chat/delivery.hpp"
#include "server/chat/liveness.hpp"
#include "server/chat/protocol.hpp"
#include "server/chat/rate_limit.hpp"
#include "server/chat/session_limits.hpp"
#include "server/chat/wire.hpp"
#include "server/loop/loop_executor.hpp"
#include "server/loop/wake_up.hpp"
#include "server/numbers/limits.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>

namespace chat {

class room;
class roster;
struct objection;

class session : public std::enable_shared_from_this<session> {
public:
    using clock = wire::clock;

    /// The code of a close frame.
    enum class farewell : std::uint16_t {
        going_away = 1001,
        unsupported = 1003,
        not_utf8 = 1007,
        policy = 1008,
        internal_error = 1011
    };

    session(wire::socket_type socket, admission::ticket ticket, room& chat_room, roster& everyone,
            const session_limits& limits);
    ~session();

    [[nodiscard]] std::uint64_t id() const { return id_; }

    [[nodiscard]] const std::string& name() const { return name_; }

    /// For the reader: completes when the reply lane has taken the frame, always in a later turn of
    /// the loop, so the caller really is suspended. The frame is sent with the next news, or by
    /// flush_soon().
    task<> reply(std::string payload,
                 std::source_location awaited_at = std::source_location::current());

    /// Sends the reply lane in a later turn, for replies that no news will follow.
    void flush_soon();

    /// Sends a close frame. The reader, and with it run(), ends when the peer answers. A peer that
    /// does not answer is cut off.
    void leave(farewell code, std::string_view reason);

    /// The same with code 1008, because the client hit this limit.
    void leave(limit hit, std::string_view reason);

    /// The same, but only after every message up to now has been delivered.
    void leave_when_delivered() {
        going_ = true;
        progress.has_news.notify();
    }

    [[nodiscard]] bool is_going() const { return going_; }

    /// Pings a quiet client, and ends a client that is idle or takes nothing for too long. The roster
    /// calls this several times within each time limit.
    void check_time_limits(clock::time_point now);

    /// Updates the rate limit, several times a second. Messages that pile up while the server does
    /// not read them are not a flood.
    void look_back(bool loop_stood_still, clock::time_point now);

    /// Stops reading an incomplete request. Has no effect on a read that has just received data, so
    /// call it again.
    void give_up_handshake();

    /// Resets the connection.
    void abort();

    [[nodiscard]] wire& out() { return *out_; }

    /// Prefetches the data that the next delivery uses.
    void prefetch() const {
        progress.has_news.prefetch();
        out_->prefetch();
    }

    // --- The room's deliver task for this client ---

    delivery progress; ///< how far the messages have been delivered to this client

    /// Sends a batch that was just taken from `progress`, and gives back the messages that the socket
    /// does not take. Returns how many were taken; see wire::send_news().
    [[nodiscard]] std::uint64_t send_news(const news_batch& news) {
        const auto taken = out_->send_news(news);
        progress.give_back(news.count - taken);
        return taken;
    }

    /// See wire::takes_news(). If the caller holds the chat lock, stall reports name this session.
    task<> takes_news(std::source_location awaited_at = std::source_location::current());

private:
    struct connection; // Beast

    friend task<> run_session(std::shared_ptr<session> self);
    task<> run();

    task<bool> handshake();
    [[nodiscard]] std::optional<objection> ask_for_admission();
    void take_name(std::string_view target);
    enum class last_read { failed, too_much };
    task<last_read> read_loop();
    void take_control_frame(std::size_t payload);
    task<> handle(std::string_view payload); // payload stays valid until the task ends
    task<> refuse(refusal why);
    task<> rename(std::string name);
    void deliver_in_background();
    [[nodiscard]] liveness_signs signs() const;
    void ping(clock::time_point now);

    bool going_ = false;
    bool reading_request_ = false;
    std::unique_ptr<connection> connection_;
    wire* out_;
    room& room_;
    roster& roster_;
    const session_limits& limits_;
    std::uint64_t id_;
    std::string name_;
    clock::time_point heard_;
    bool is_handling_ = false; // a message is being handled, and nothing is read meanwhile
    clock::time_point pinged_{};
    bool ping_is_out_ = false;
    rate_limit rate_;
    rate_limit control_frames_;
    std::optional<clock::time_point> leaving_since_;
    admission::ticket ticket_;
};

/// Runs a connection from the handshake to the end, and owns the session meanwhile.
task<> run_session(std::shared_ptr<session> self);

} // namespace chat
