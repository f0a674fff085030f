#include "server/admin/server.hpp"

#include "server/http/request_head.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

namespace chat {

namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using namespace std::chrono_literals;

namespace {

using clock = std::chrono::steady_clock;
using socket_type = asio::basic_stream_socket<tcp, loop_executor>;
using stream_type = beast::basic_stream<tcp, loop_executor>;
using request = request_head;
using response = http::response<http::string_body>;

constexpr std::size_t max_header_bytes = 8192;
constexpr std::size_t max_unread_bytes = 64 * 1024;
constexpr int send_buffer_bytes = 16 * 1024; // kept in the kernel for a slow client
constexpr auto event_pause = 100ms;          // ten per second
constexpr auto linger_time = 1s;

std::string_view view(beast::string_view text) {
    return {text.data(), text.size()};
}

/// Occupies one slot of a limit while it exists. Watch thread only, like the counter of occupied slots.
class slot {
public:
    explicit slot(std::size_t& taken)
        : taken_{&++taken} {}

    slot(slot&& other) noexcept
        : taken_{std::exchange(other.taken_, nullptr)} {}

    slot& operator=(slot&&) = delete;

    ~slot() {
        if (taken_)
            --*taken_;
    }

private:
    std::size_t* taken_;
};

/// Connections that wait for their client: to send a request, read the answer, or close.
class waiting_connections {
public:
    /// Lists a connection as waiting while it exists.
    class member {
    public:
        member(waiting_connections& all, stream_type& stream)
            : all_{all}
            , number_{all.next_++} {
            all_.streams_.emplace(number_, &stream);
        }

        member(const member&) = delete;
        member& operator=(const member&) = delete;

        ~member() { all_.streams_.erase(number_); }

    private:
        waiting_connections& all_;
        std::uint64_t number_;
    };

    /// Closes the connection that has waited longest in its current state. Returns false if none is waiting.
    bool close_oldest() {
        if (streams_.empty())
            return false;
        const auto oldest = streams_.begin();
        oldest->second->close();
        streams_.erase(oldest);
        return true;
    }

private:
    std::map<std::uint64_t, stream_type*> streams_; // in the order in which they began to wait
    std::uint64_t next_ = 0;
};

response head_of(const request& asked, unsigned status, std::string_view type) {
    response answer{static_cast<http::status>(status), asked.version()};
    answer.keep_alive(asked.keep_alive());
    answer.set(http::field::server, "chat-server");
    answer.set(http::field::content_type, beast::string_view{type.data(), type.size()});
    answer.set(http::field::cache_control, "no-store");
    // The page loads nothing from elsewhere, and no other page needs it in a frame.
    answer.set("Content-Security-Policy",
               "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
               "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    answer.set("Cross-Origin-Resource-Policy", "same-origin");
    answer.set("X-Content-Type-Options", "nosniff");
    answer.set("Referrer-Policy", "no-referrer");
    return answer;
}

response respond(const request& asked, admin_answer content) {
    auto answer = head_of(asked, content.status, content.type);
    if (content.status == 405)
        answer.set(http::field::allow, "GET, HEAD");
    answer.content_length(content.body.size());
    if (asked.method() != http::verb::head)
        answer.body() = std::move(content.body);
    return answer;
}

/// Returns the answer to a request that is malformed or too long.
admin_answer answer_to_bad(const error_code& error) {
    const bool too_long =
        error == http::error::header_limit || error == http::error::buffer_overflow;
    return too_long ? admin_error(431, "the request's header exceeds 8 KiB")
                    : admin_error(400, "not an HTTP request");
}

/// True if the peer disconnected or timed out: there is no one to answer.
bool is_gone(const error_code& error) {
    return error == http::error::end_of_stream || error == http::error::partial_message ||
           error == beast::error::timeout || error.category() == boost::system::system_category();
}

} // namespace

struct admin_server::plane : std::enable_shared_from_this<plane> {
    plane(loop_executor watch, settings how, admin_answers what)
        : acceptor{watch, how.endpoint}
        , settings_{std::move(how)}
        , answers{std::move(what)} {}

    task<> accept_all();
    task<> keep_samples();
    task<> serve(socket_type socket, slot);
    task<bool> answer(stream_type& stream, request asked);
    task<bool> write_response(stream_type& stream, response answer);
    task<> send_events(stream_type& stream, request asked);
    task<> hang_up(stream_type& stream);
    [[nodiscard]] std::optional<admin_answer> object_to(const request& asked, const destination& to,
                                                        bool has_body) const;
    std::shared_ptr<const std::string> event();

    asio::basic_socket_acceptor<tcp, loop_executor> acceptor;
    settings settings_;
    admin_answers answers;
    std::size_t connections = 0;
    waiting_connections waiting;
    std::size_t streams = 0;
    std::shared_ptr<const std::string> newest_event;
    clock::time_point event_made_at{};
};

admin_server::admin_server(loop_executor watch, settings how, admin_answers answers) {
    const auto shared = std::make_shared<plane>(watch, std::move(how), std::move(answers));
    local_endpoint_ = shared->acceptor.local_endpoint();
    const auto ended = [shared](std::exception_ptr failed) {
        if (failed)
            spdlog::error("admin plane failed");
    };
    asio::co_spawn(watch, shared->accept_all(), ended);
    asio::co_spawn(watch, shared->keep_samples(), ended);
}

task<> admin_server::plane::accept_all() {
    loop_timer pause{acceptor.get_executor()};
    for (;;) {
        auto [error, socket] = co_await acceptor.async_accept(asio::as_tuple(use_task));
        if (error) { // out of descriptors, most likely
            pause.expires_after(event_pause);
            co_await pause.async_wait(asio::as_tuple(use_task));
        } else if (connections < settings_.max_connections || waiting.close_oldest()) {
            // Otherwise idle connections could lock everyone else out of the health page.
            auto visitor = serve(std::move(socket), slot{connections});
            asio::co_spawn(acceptor.get_executor(), std::move(visitor),
                           [self = shared_from_this()](std::exception_ptr failed) {
                               if (failed)
                                   spdlog::error("admin connection failed");
                           });
        } // otherwise the socket closes itself
    }
}

task<> admin_server::plane::keep_samples() {
    loop_timer pause{acceptor.get_executor()};
    for (;;) {
        answers.sample();
        pause.expires_after(event_pause);
        co_await pause.async_wait(asio::as_tuple(use_task));
    }
}

task<> admin_server::plane::serve(socket_type socket, slot) {
    error_code ignored;
    socket.set_option(tcp::no_delay{true}, ignored);
    socket.set_option(asio::socket_base::send_buffer_size{send_buffer_bytes}, ignored);
    stream_type stream{std::move(socket)};
    beast::flat_buffer buffer{max_header_bytes};
    for (bool more = true; more;) {
        http::request_parser<http::empty_body> parser;
        parser.header_limit(max_header_bytes);
        stream.expires_after(settings_.request_time);
        auto reading = std::make_optional<waiting_connections::member>(waiting, stream);
        const auto [error, size] =
            co_await http::async_read_header(stream, buffer, parser, asio::as_tuple(use_task));
        reading.reset();
        if (error && is_gone(error))
            break;
        auto asked = parser.release();
        const bool has_body =
            !error && (parser.chunked() || parser.content_length().value_or(0) > 0);
        if (!error)
            asked.keep_alive(parser.keep_alive()); // the parser has read every Connection line
        const auto to = error ? destination{} : destination_of(asked);
        auto against = error ? answer_to_bad(error) : object_to(asked, to, has_body);
        if (against) {
            asked.keep_alive(asked.keep_alive() && !error && !has_body);
            auto objection = respond(asked, std::move(*against));
            more = co_await write_response(stream, std::move(objection));
        } else {
            asked.target(to.target);
            more = co_await answer(stream, std::move(asked));
        }
    }
    co_await hang_up(stream);
}

std::optional<admin_answer>
admin_server::plane::object_to(const request& asked, const destination& to, bool has_body) const {
    if (!to.problem.empty())
        return admin_error(400, to.problem);
    const bool names_one = to.host || asked.count(http::field::host) > 0;
    if (names_one && !(to.host && is_trusted_host(to.host->host, settings_.names)))
        return admin_error(421, "the Host must be localhost, an IP address or an --admin-host");
    if (asked.method() != http::verb::get && asked.method() != http::verb::head)
        return admin_error(405, "GET and HEAD only");
    if (has_body)
        return admin_error(413, "the request must have no body");
    return std::nullopt;
}

// Answers the request. Returns true if the connection may continue.
task<bool> admin_server::plane::answer(stream_type& stream, request asked) {
    const auto target = view(asked.target());
    const auto path = target.substr(0, target.find('?'));
    if (path == admin_answers::events_path) {
        if (streams >= settings_.max_streams) {
            auto full = respond(asked, admin_error(503, "too many event streams"));
            co_return co_await write_response(stream, std::move(full));
        }
        co_await send_events(stream, std::move(asked));
        co_return false;
    }
    auto found = respond(asked, answers.to(path));
    co_return co_await write_response(stream, std::move(found));
}

// Returns true if the connection may continue.
task<bool> admin_server::plane::write_response(stream_type& stream, response answer) {
    const waiting_connections::member writing{waiting, stream};
    const auto [error, size] = co_await http::async_write(stream, answer, asio::as_tuple(use_task));
    co_return !error && answer.keep_alive();
}

// Sends events until the client leaves or fails to take an event in time. Keeps at most one event for the client.
task<> admin_server::plane::send_events(stream_type& stream, request asked) {
    const slot taken{streams};
    auto head = head_of(asked, 200, "text/event-stream");
    head.keep_alive(false); // the stream ends with the connection
    auto [error, size] = co_await http::async_write(stream, head, asio::as_tuple(use_task));
    loop_timer pause{acceptor.get_executor()};
    auto due = clock::now();
    while (!error && asked.method() == http::verb::get) {
        const auto now = event();
        stream.expires_after(settings_.event_time);
        std::tie(error, size) =
            co_await asio::async_write(stream, asio::buffer(*now), asio::as_tuple(use_task));
        due = std::max(due + event_pause, clock::now());
        pause.expires_at(due);
        co_await pause.async_wait(asio::as_tuple(use_task));
    }
    if (error == beast::error::timeout)
        spdlog::warn("admin client dropped reason=\"does not read events\"");
}

// One event serves every stream that is due at about the same time.
std::shared_ptr<const std::string> admin_server::plane::event() {
    const auto now = clock::now();
    if (!newest_event || now - event_made_at > event_pause / 2) {
        newest_event = std::make_shared<const std::string>("data: " + answers.state() + "\n\n");
        event_made_at = now;
    }
    return newest_event;
}

// Reads, within bounds, what the client still sends. Closing with unread input would send a reset, which could
// overtake the answer.
task<> admin_server::plane::hang_up(stream_type& stream) {
    if (!stream.socket().is_open())
        co_return; // closed to make room for a new connection
    const waiting_connections::member lingering{waiting, stream};
    error_code ignored;
    stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
    stream.expires_after(linger_time);
    std::array<char, 4096> unread;
    for (std::size_t total = 0; total < max_unread_bytes;) {
        const auto [error, size] =
            co_await stream.async_read_some(asio::buffer(unread), asio::as_tuple(use_task));
        if (error)
            break;
        total += size;
    }
}

} // namespace chat
