#include "server/chat/session.hpp"

#include "server/chat/frame.hpp"
#include "server/chat/handshake.hpp"
#include "server/chat/room.hpp"
#include "server/chat/roster.hpp"
#include "server/sync/lock_ledger.hpp"
#include "server/watch/counters.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace chat {

namespace beast = boost::beast;
namespace websocket = beast::websocket;

namespace {

// Beast's limit for the upgrade answer, and for a peer that does not answer our close frame.
constexpr std::chrono::seconds patience_with_handshakes{5};
// How long a peer that takes nothing may still take our close frame.
constexpr std::chrono::seconds goodbye_time{1};

} // namespace

struct session::connection {
    explicit connection(wire::socket_type socket)
        : stream{std::move(socket)} {}

    websocket::stream<wire, /*deflate*/ false> stream;
};

session::session(wire::socket_type socket, room& place, roster& everyone,
                 const session_limits& limits)
    : news{socket.get_executor()}
    , connection_{std::make_unique<connection>(std::move(socket))}
    , out_{&connection_->stream.next_layer()}
    , room_{place}
    , roster_{everyone}
    , limits_{limits}
    , id_{everyone.next_id()}
    , name_{"guest-" + std::to_string(id_)}
    , heard_{clock::now()}
    , allowance_{static_cast<double>(limits.max_rate)}
    , allowance_at_{heard_} {}

session::~session() {
    if (admitted_) {
        roster_.names().erase(id_);
        roster_.give_back_place();
    }
}

task<> run_session(std::shared_ptr<session> self) {
    co_await self->run();
}

task<> session::run() {
    const auto self = shared_from_this();
    out().set_owner(self);
    if (!co_await handshake())
        co_return;
    co_await room_.greet(self, limits_.max_message_bytes);
    roster_.add(self);
    spdlog::info("joined session={} name=\"{}\" clients={}", id_, name_, roster_.size());
    if (room_.is_closed())
        leave_when_delivered(); // came during the shutdown, after the others were told to go
    deliver_in_background();

    co_await read_loop();
    out().close();
    roster_.remove(*this);
    news.notify(); // deliver sees that the wire is closed, and ends
}

task<bool> session::handshake() {
    using boost::beast::http::status;
    const auto self = shared_from_this();
    const auto upgrade = co_await receive_upgrade(out(), self, limits_.allowed_origins);
    if (!upgrade)
        co_return false;
    admitted_ = !room_.is_closed() && roster_.admit();
    if (!admitted_) {
        const objection full{status::service_unavailable,
                             room_.is_closed() ? "The server is shutting down.\n"
                                               : "The server is full (see --max-clients).\n"};
        co_await turn_away(out(), self, full);
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
    take_name({upgrade->target().data(), upgrade->target().size()});
    roster_.names().set(id_, name_);
    heard_ = clock::now();
    co_return true;
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
                       if (failed || self->is_going())
                           self->leave(farewell::going_away, "the server is shutting down");
                   });
}

task<> session::read_loop() {
    auto& stream = connection_->stream;
    beast::flat_buffer buffer;
    for (;;) {
        // Not async_read, which holds 1.5 KB ready for each client that may never speak. What is longer
        // takes further rounds.
        const std::size_t limit = buffer.size() == 0 ? 256 : limits_.max_message_bytes;
        const auto [error, part] =
            co_await stream.async_read_some(buffer, limit, asio::as_tuple(use_task));
        if (!error && !stream.is_message_done())
            continue;
        const auto size = buffer.size();
        if (error) {
            spdlog::info("left session={} reason=\"{}\"", id_, error.message());
            co_return;
        }
        heard_ = clock::now();
        counted.received_bytes.add(size);
        if (!leaving_since_) {
            if (!stream.got_text())
                leave(farewell::unsupported, "text frames only");
            else if (exceeds_rate())
                close_for(counted.closed_talkative, "too many messages a second");
            else
                co_await handle({static_cast<const char*>(buffer.cdata().data()), size});
        }
        buffer.clear();
    }
}

task<> session::handle(std::string_view payload) {
    auto parsed = parse_request(payload);
    if (parsed && room_.is_closed())
        parsed = refusal{"shutting_down", "the server is shutting down"};
    if (!parsed) {
        counted.refused_messages.add();
        co_await reply(encode_error(parsed.error()));
        flush_soon();
    } else if (auto* said = std::get_if<say_request>(&*parsed)) {
        counted.messages.add();
        co_await room_.say(shared_from_this(), std::move(*said));
    } else {
        name_ = std::move(std::get<name_request>(*parsed).name);
        roster_.names().set(id_, name_);
    }
}

task<> session::reply(std::string payload, std::source_location awaited_at) {
    room_.ledger().suspending(id_, {awaited_at, "a later turn of the loop"});
    const auto frame = text_frame(payload);
    while (!out().push_reply(frame))
        co_await out().reply_lane_shrunk();
    co_await asio::post(out().get_executor(), use_task);
}

task<std::uint64_t> session::write_news(const news_batch& batch, std::source_location awaited_at) {
    return out().write_news(
        batch, suspension_note{&room_.ledger(), id_, {awaited_at, "room in the socket", id_}});
}

void session::flush_soon() {
    asio::post(out().get_executor(), [self = shared_from_this()] { self->out().flush(); });
}

// A token bucket that holds one second's worth.
bool session::exceeds_rate() {
    if (limits_.max_rate == 0)
        return false;
    const auto rate = static_cast<double>(limits_.max_rate);
    const std::chrono::duration<double> passed = heard_ - allowance_at_;
    allowance_at_ = heard_;
    allowance_ = std::min(rate, allowance_ + passed.count() * rate) - 1;
    return allowance_ < 0;
}

void session::check_time_limits(clock::time_point now) {
    if (leaving_since_) {
        if (now - *leaving_since_ > goodbye_time && out().blocked_since())
            abort();
        return;
    }
    if (out().blocked_since() && now - *out().blocked_since() > limits_.write_timeout) {
        spdlog::warn("slow reader session={} name=\"{}\" action=close", id_, name_);
        close_for(counted.closed_slow_readers, "you read too slowly");
    } else if (now - heard_ > limits_.idle_timeout) {
        close_for(counted.closed_idle, "idle");
    } else if (now - heard_ > limits_.idle_timeout / 2 && pinged_ < heard_ && !ping_is_out_) {
        pinged_ = now;
        ping_is_out_ = true; // Beast has room for one that waits for a full socket
        connection_->stream.async_ping({}, [self = shared_from_this()](error_code) {
            // A ping that could not be sent is one that is not answered: the idle limit sees to it.
            self->ping_is_out_ = false;
        });
    }
}

void session::close_for(counter& cause, std::string_view reason) {
    cause.add();
    leave(farewell::policy, reason);
}

void session::leave(farewell code, std::string_view reason) {
    if (leaving_since_)
        return;
    leaving_since_ = clock::now();
    asio::co_spawn(out().get_executor(), say_goodbye(shared_from_this(), code, std::string{reason}),
                   [self = shared_from_this()](std::exception_ptr) { self->out().close(); });
}

task<> session::say_goodbye(std::shared_ptr<session> self, farewell code, std::string reason) {
    const websocket::close_reason why{static_cast<websocket::close_code>(code), reason};
    co_await self->connection_->stream.async_close(why, asio::as_tuple(use_task));
}

void session::abort() {
    out().abort();
}

} // namespace chat
