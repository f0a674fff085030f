#include "server/chat/session.hpp"

#include "server/chat/echo.hpp"
#include "server/chat/frame.hpp"
#include "server/chat/handshake.hpp"
#include "server/chat/room.hpp"
#include "server/chat/roster.hpp"
#include "server/chat/utf8.hpp"
#include "server/sync/lock_ledger.hpp"
#include "server/watch/counters.hpp"

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
// How long a peer that takes nothing may still take our close frame.
constexpr std::chrono::seconds goodbye_time{1};

} // namespace

struct session::connection {
    explicit connection(wire::socket_type socket)
        : stream{std::move(socket)} {}

    websocket::stream<wire, /*deflate*/ false> stream;
};

session::session(wire::socket_type socket, admission::ticket ticket, room& place, roster& everyone,
                 const session_limits& limits)
    : progress{socket.get_executor()}
    , connection_{std::make_unique<connection>(std::move(socket))}
    , out_{&connection_->stream.next_layer()}
    , room_{place}
    , roster_{everyone}
    , limits_{limits}
    , id_{everyone.next_id()}
    , name_{"guest-" + std::to_string(id_)}
    , heard_{clock::now()}
    , rate_{limits.max_rate, heard_}
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
            leave_when_delivered(); // came during the shutdown, after the others were told to go
        deliver_in_background();
        co_await read_loop();
        out().flush(); // who sends no more may still read: what its socket takes at once
    } catch (...) {
        failed = std::current_exception();
    }
    // However it ended. No destructor does this: a loop that dies would run it, after the roster.
    out().close();
    roster_.remove(*this);
    roster_.names().erase(id_);
    progress.has_news.notify(); // deliver sees that the wire is closed, and ends
    if (failed)
        std::rethrow_exception(failed);
}

task<bool> session::handshake() {
    const auto self = shared_from_this();
    const auto upgrade = co_await receive_upgrade(out(), self, limits_.handshake, reading_request_);
    if (!upgrade)
        co_return false;
    if (const auto against = apply_for_a_place()) {
        co_await turn_away(out(), self, *against);
        co_return false;
    }
    auto& stream = connection_->stream;
    stream.read_message_max(limits_.max_message_bytes);
    stream.set_option(websocket::stream_base::timeout{patience_with_handshakes,
                                                      websocket::stream_base::none(), false});
    stream.control_callback([this](auto, auto) { heard_ = clock::now(); });
    const auto [error] = co_await stream.async_accept(*upgrade, asio::as_tuple(use_task));
    if (error)
        co_return false;
    const std::string_view target{upgrade->target().data(), upgrade->target().size()};
    if (limits_.echo && asks_for_echo(target)) {
        co_await echo(stream);
        co_return false;
    }
    take_name(target);
    heard_ = clock::now();
    co_return true;
}

std::optional<objection> session::apply_for_a_place() {
    using boost::beast::http::status;
    if (room_.is_closed())
        return objection{status::service_unavailable, "The server is shutting down.\n"};
    switch (ticket_.become_client()) {
    case admission::answer::granted:
        break;
    case admission::answer::full:
        counted.struck.add(limit::clients);
        return objection{status::service_unavailable, "The server is full (see --max-clients).\n"};
    case admission::answer::address_full:
        counted.struck.add(limit::clients_per_address);
        return objection{status::too_many_requests,
                         "Too many clients of your address (see --max-per-address).\n"};
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
                           self->leave(farewell::internal_error, "the server has made a mistake");
                       else if (self->is_going())
                           self->leave(farewell::going_away, "the server is shutting down");
                   });
}

task<> session::read_loop() {
    auto& stream = connection_->stream;
    beast::flat_buffer buffer;
    for (;;) {
        // Not async_read, which holds 1.5 KB ready for each client that may never speak. What is longer
        // takes further rounds.
        const std::size_t at_most = buffer.size() == 0 ? 128 : limits_.max_message_bytes;
        const auto [error, part] =
            co_await stream.async_read_some(buffer, at_most, asio::as_tuple(use_task));
        if (error) {
            if (error == websocket::error::message_too_big)
                counted.struck.add(limit::message_bytes);
            spdlog::info("left session={} reason=\"{}\"", id_, error.message());
            co_return;
        }
        heard_ = clock::now(); // whole or not: within a frame nobody can answer a ping
        if (!stream.is_message_done())
            continue;
        const auto size = buffer.size();
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

// No coroutine itself: each message would pay for a frame more.
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
    const auto frame = text_frame(std::exchange(payload, {})); // it may be long, and we may wait
    bool has_waited = false;
    while (!out().push_reply(frame)) {
        // The next news would take the lane along, but perhaps they wait for a lock that our caller has.
        out().flush();
        if (!out().blocked_since())
            continue;
        if (!std::exchange(has_waited, true))
            counted.struck.add(limit::replies);
        room_.ledger().suspending(id_, {awaited_at, "room in the reply lane", id_});
        co_await out().reply_lane_shrunk();
    }
    if (has_waited)
        flush_soon(); // the news may have gone out without it
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
    // Whose socket is full waits for itself to read the answers.
    const bool waits_for_the_lock = is_handling_ && !out().blocked_since();
    rate_.look_back(waits_for_the_lock ? rate_limit::reading::waited_for_the_lock
                    : loop_stood_still ? rate_limit::reading::stood_still
                                       : rate_limit::reading::went_on,
                    now);
}

void session::check_time_limits(clock::time_point now) {
    // Whoever takes something lives, and its pong may wait behind what it has not read. And whom we do not
    // read, as its message waits for the lock, we cannot hear.
    const auto quiet_time = limits_.idle_timeout / 2;
    const bool may_be_gone = out().blocked_since() || now - heard_ > quiet_time;
    if ((may_be_gone && out().has_taken_something(now)) || is_handling_)
        heard_ = now;
    if (leaving_since_) {
        see_off(now);
    } else if (out().blocked_since() && now - *out().blocked_since() > write_timeout()) {
        spdlog::warn("slow reader session={} name={:?} action=close", id_, name_);
        leave(limit::write_time, "you read too slowly");
    } else if (pinged_ > heard_ && now - pinged_ > quiet_time) {
        leave(limit::idle_time, "idle");
    } else if (now - heard_ > quiet_time && pinged_ < heard_ && !ping_is_out_) {
        ping(now);
    }
}

// Ends the connection of one that was told to go and does not.
void session::see_off(clock::time_point now) {
    const auto blocked_since = out().blocked_since();
    const bool takes_nothing =
        blocked_since && now - std::max(*leaving_since_, *blocked_since) > goodbye_time;
    if (takes_nothing || now - *leaving_since_ > patience_with_handshakes)
        blocked_since ? abort() : out().close();
}

session::clock::duration session::write_timeout() const {
    // At the end who holds up everybody has less time, so that the others get all that was said.
    const bool is_in_the_way = room_.is_closed() && room::waits_with_the_lock();
    return is_in_the_way ? std::min<clock::duration>(limits_.write_timeout, goodbye_time)
                         : limits_.write_timeout;
}

void session::ping(clock::time_point now) {
    pinged_ = now;
    ping_is_out_ = true; // Beast has room for one that waits for a full socket
    connection_->stream.async_ping({}, [self = shared_from_this()](error_code) {
        // A ping that could not be sent is one that is not answered: the idle limit sees to it.
        self->ping_is_out_ = false;
    });
}

void session::give_up_handshake() {
    if (reading_request_)
        out().cancel();
}

void session::leave(limit struck, std::string_view reason) {
    if (!leaving_since_)
        counted.struck.add(struck);
    leave(farewell::policy, reason);
}

void session::leave(farewell code, std::string_view reason) {
    if (leaving_since_)
        return;
    leaving_since_ = clock::now();
    out().say_goodbye(close_frame(static_cast<std::uint16_t>(code), reason));
}

void session::abort() {
    out().abort();
}

} // namespace chat
