#include "server/chat/session.hpp"

#include "server/chat/echo.hpp"
#include "server/chat/frame.hpp"
#include "server/chat/handshake.hpp"
#include "server/chat/room.hpp"
#include "server/chat/roster.hpp"
#include "server/chat/utf8.hpp"
#include "server/numbers/counters.hpp"
#include "server/sync/lock_ledger.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace chat {

namespace beast = boost::beast;
namespace websocket = beast::websocket;

namespace {

// For the upgrade answer, and for a peer that does not answer our close frame.
constexpr std::chrono::seconds patience_with_handshakes{5};
// How long a connection that is being closed may still take the close frame.
constexpr std::chrono::seconds time_to_take_the_close_frame{1};

// How much one message may take on the wire. In fragments of one byte, each byte takes seven; a factor
// of eight leaves room for some empty fragments. The constant allows for data that Beast reads ahead.
constexpr std::size_t least_wire_bytes = 64 * 1024;
constexpr std::size_t wire_bytes_per_byte = 8;

// Limits pings, pongs and other control frames: this many per second, and this many saved up. Each
// message allows one more, because a client may check for each message whether it has arrived.
constexpr std::size_t control_frames_per_second = 100;
constexpr std::size_t control_frames_at_once = 5000;

// How much is still read from a client that was told to go and may not know it yet.
constexpr std::size_t read_after_close_frame = 64 * 1024;

} // namespace

struct session::connection {
    explicit connection(wire::socket_type socket)
        : stream{std::move(socket)} {}

    websocket::stream<wire, /*deflate*/ false> stream;
};

session::session(wire::socket_type socket, admission::ticket ticket, room& chat_room,
                 roster& everyone, const session_limits& limits)
    : progress{socket.get_executor()}
    , connection_{std::make_unique<connection>(std::move(socket))}
    , out_{&connection_->stream.next_layer()}
    , room_{chat_room}
    , roster_{everyone}
    , limits_{limits}
    , id_{everyone.next_id()}
    , name_{"guest-" + std::to_string(id_)}
    , heard_{clock::now()}
    , rate_{limits.max_rate, heard_}
    , control_frames_{control_frames_per_second, heard_, control_frames_at_once}
    , ticket_{std::move(ticket)} {}

session::~session() = default;

task<> run_session(std::shared_ptr<session> self) {
    co_await self->run();
}

task<> session::run() {
    const auto self = shared_from_this();
    out().set_owner(self);
    if (!co_await handshake())
        co_return;
    std::exception_ptr failed;
    try {
        roster_.names().set(id_, name_);
        co_await room_.greet(self, limits_.max_message_bytes);
        rate_.look_back(rate_limit::reading::waited_for_the_lock, clock::now());
        roster_.add(self);
        spdlog::info("joined session={} name={:?} clients={}", id_, name_, roster_.size());
        if (room_.is_closed())
            leave_when_delivered(); // joined during the shutdown, after the others were told to go
        deliver_in_background();
        const auto end = co_await read_loop();
        out().flush(); // a client that has stopped sending may still read
        if (end == last_read::too_much && !out().blocked_since())
            co_await out().linger(self, time_to_take_the_close_frame);
    } catch (...) {
        failed = std::current_exception();
    }
    // Clean up, however the client left. Not in a destructor, because destroying the loop would run it
    // when the roster no longer exists.
    out().close();
    roster_.remove(*this);
    roster_.names().erase(id_);
    progress.has_news.notify(); // deliver sees that the wire is closed and ends
    if (failed)
        std::rethrow_exception(failed);
}

task<bool> session::handshake() {
    const auto self = shared_from_this();
    const auto upgrade = co_await receive_upgrade(out(), self, limits_.handshake, reading_request_);
    if (!upgrade)
        co_return false;
    if (const auto against = ask_for_admission()) {
        co_await turn_away(out(), self, *against);
        co_return false;
    }
    auto& stream = connection_->stream;
    stream.read_message_max(limits_.max_message_bytes);
    stream.set_option(websocket::stream_base::timeout{patience_with_handshakes,
                                                      websocket::stream_base::none(), false});
    const auto [error] = co_await stream.async_accept(*upgrade, asio::as_tuple(use_task));
    if (error.category() == make_error_code(websocket::error::bad_method).category()) {
        // Beast has rejected and answered a request that receive_upgrade accepted.
        counted.limit_hits.add(limit::bad_request);
        log_refusal({boost::beast::http::status::bad_request, error.message()});
    }
    if (error)
        co_return false;
    const std::string_view target{upgrade->target().data(), upgrade->target().size()};
    if (limits_.echo && asks_for_echo(target)) {
        co_await echo(stream);
        co_return false;
    }
    stream.control_callback([this](auto, auto payload) { take_control_frame(payload.size()); });
    out().limit_unexplained(least_wire_bytes + wire_bytes_per_byte * limits_.max_message_bytes);
    take_name(target);
    heard_ = clock::now();
    co_return true;
}

std::optional<objection> session::ask_for_admission() {
    using boost::beast::http::status;
    if (room_.is_closed()) {
        counted.refused_shutting_down.add();
        return objection{status::service_unavailable, "The server is shutting down."};
    }
    switch (ticket_.become_client()) {
    case admission::answer::granted:
        break;
    case admission::answer::full:
        counted.limit_hits.add(limit::clients);
        return objection{status::service_unavailable, "The server is full (see --max-clients)."};
    case admission::answer::address_full:
        counted.limit_hits.add(limit::clients_per_address);
        return objection{status::too_many_requests,
                         "Too many clients from your address (see --max-per-address)."};
    }
    return {};
}

void session::take_name(std::string_view target) {
    if (auto wanted = name_in_target(target); wanted && is_valid_name(*wanted))
        name_ = std::move(*wanted);
}

void session::deliver_in_background() {
    asio::co_spawn(out().get_executor(), room_.deliver(shared_from_this()),
                   [self = shared_from_this()](std::exception_ptr failed) {
                       if (failed)
                           spdlog::error("deliver failed session={}", self->id_);
                       if (failed)
                           self->leave(farewell::internal_error, "internal server error");
                       else if (self->is_going())
                           self->leave(farewell::going_away, "the server is shutting down");
                   });
}

task<session::last_read> session::read_loop() {
    auto& stream = connection_->stream;
    beast::flat_buffer buffer;
    for (;;) {
        // Not async_read, because it reserves 1.5 KB for every client, even for one that never speaks.
        // A longer message takes several reads.
        const std::size_t at_most = buffer.size() == 0 ? 128 : limits_.max_message_bytes;
        const auto [error, part] =
            co_await stream.async_read_some(buffer, at_most, asio::as_tuple(use_task));
        if (error) {
            if (error == websocket::error::message_too_big)
                counted.limit_hits.add(limit::message_bytes);
            const bool too_much = out().has_read_too_much();
            spdlog::info("left session={} reason=\"{}\"", id_,
                         too_much ? "too many bytes without a message" : error.message());
            if (too_much)
                leave(limit::frame_flood, "too many empty fragments");
            co_return too_much ? last_read::too_much : last_read::failed;
        }
        // A part of a message counts, because a client cannot answer a ping in the middle of a frame.
        heard_ = clock::now();
        if (!stream.is_message_done())
            continue;
        const auto size = buffer.size();
        if (!leaving_since_) {
            out().explain_all();
            control_frames_.grant_one();
        }
        counted.received_bytes.add(size);
        if (!leaving_since_) {
            const std::string_view payload{static_cast<const char*>(buffer.cdata().data()), size};
            if (!stream.got_text())
                leave(farewell::unsupported, "text frames only");
            else if (ends_inside_character(payload))
                leave(farewell::not_utf8, "not UTF-8");
            else if (!rate_.allows_one(heard_))
                leave(limit::message_rate, "too many messages a second");
            else {
                is_handling_ = true;
                co_await handle(payload);
                is_handling_ = false;
            }
        }
        buffer.clear();
    }
}

// Counts a control frame. Beast answers pings. A client needs to send one now and then, not thousands.
void session::take_control_frame(std::size_t payload) {
    heard_ = clock::now();
    if (leaving_since_)
        return;
    constexpr std::size_t header = 6; // including the mask
    out().explain(header + payload);
    if (!control_frames_.allows_one(heard_))
        leave(limit::frame_flood, "too many pings and pongs");
}

// Not a coroutine, because each message would pay for another coroutine frame.
task<> session::handle(std::string_view payload) {
    auto parsed = parse_request(payload);
    if (parsed && room_.is_closed())
        parsed = refusal{"shutting_down", "the server is shutting down"};
    if (!parsed)
        return refuse(parsed.error());
    if (auto* renamed = std::get_if<name_request>(&*parsed))
        return rename(std::move(renamed->name));
    counted.messages.add();
    return room_.say(shared_from_this(), std::get<say_request>(*parsed));
}

task<> session::refuse(refusal why) {
    counted.refused_messages.add();
    co_await reply(encode_error(why));
    flush_soon();
}

task<> session::rename(std::string name) {
    name_ = std::move(name);
    roster_.names().set(id_, name_);
    co_return;
}

task<> session::reply(std::string payload, std::source_location awaited_at) {
    // A payload may be long, and this task may wait, so the payload is freed now.
    const auto frame = text_frame(std::exchange(payload, {}));
    bool has_waited = false;
    while (!out().push_reply(frame)) {
        // The next news would also send this lane, but may be waiting for a lock that the caller holds.
        out().flush();
        if (!out().blocked_since())
            continue;
        if (!std::exchange(has_waited, true))
            counted.limit_hits.add(limit::replies);
        room_.ledger().suspending(id_, {awaited_at, "room in the reply lane", id_});
        co_await out().reply_lane_shrunk();
    }
    if (has_waited)
        flush_soon(); // the news may have been sent without this reply
    room_.ledger().suspending(id_, {awaited_at, "its ack, in a turn of the loop"});
    co_await asio::post(out().get_executor(), use_task);
}

task<> session::takes_news(std::source_location awaited_at) {
    room_.ledger().suspending(id_, {awaited_at, "room in the socket", id_});
    return out().takes_news();
}

void session::flush_soon() {
    asio::post(out().get_executor(), [self = shared_from_this()] { self->out().flush(); });
}

void session::look_back(bool loop_stood_still, clock::time_point now) {
    // If the socket is full, the client is the cause: it is not reading its replies.
    const bool waits_for_the_lock = is_handling_ && !out().blocked_since();
    rate_.look_back(waits_for_the_lock ? rate_limit::reading::waited_for_the_lock
                    : loop_stood_still ? rate_limit::reading::stood_still
                                       : rate_limit::reading::went_on,
                    now);
}

void session::check_time_limits(clock::time_point now) {
    // A client that still accepts data is alive, even if its pong is queued behind unread messages. While its own
    // message waits for the lock we do not read from it, so silence proves nothing.
    const bool may_be_gone = out().blocked_since() || now - heard_ > limits_.idle_timeout / 2;
    if ((may_be_gone && out().has_taken_something(now)) || is_handling_)
        heard_ = now;
    switch (next_step(signs(), limits_, now)) {
    case liveness_step::none:
        break;
    case liveness_step::ping:
        ping(now);
        break;
    case liveness_step::leave_idle:
        leave(limit::idle_time, "idle");
        break;
    case liveness_step::leave_slow:
        spdlog::warn("slow reader session={} name={:?} action=close", id_, name_);
        leave(limit::write_time, "you read too slowly");
        break;
    case liveness_step::close:
        out().close();
        break;
    case liveness_step::reset:
        abort();
        break;
    }
}

liveness_signs session::signs() const {
    return {.heard = heard_,
            .pinged = pinged_,
            .ping_is_out = ping_is_out_,
            .blocked_since = out_->blocked_since(),
            .leaving_since = leaving_since_,
            .holds_up_the_shutdown = room_.is_closed() && room::waits_with_the_lock()};
}

void session::ping(clock::time_point now) {
    pinged_ = now;
    ping_is_out_ = true; // Beast can queue only one ping while the socket is full
    connection_->stream.async_ping({}, [self = shared_from_this()](error_code) {
        // A ping that could not be sent is not answered, so the idle limit ends the session.
        self->ping_is_out_ = false;
    });
}

void session::give_up_handshake() {
    if (reading_request_)
        out().cancel();
}

void session::leave(limit hit, std::string_view reason) {
    if (!leaving_since_)
        counted.limit_hits.add(hit);
    leave(farewell::policy, reason);
}

void session::leave(farewell code, std::string_view reason) {
    if (leaving_since_)
        return;
    leaving_since_ = clock::now();
    if (code != farewell::going_away) // the shutdown has a line of its own
        spdlog::info("told to go session={} code={} reason=\"{}\"", id_,
                     static_cast<unsigned>(code), reason);
    out().send_close_frame(close_frame(static_cast<std::uint16_t>(code), reason));
    out().limit_unexplained(read_after_close_frame); // no message explains these bytes any more
}

void session::abort() {
    out().abort();
}

} // namespace chat
