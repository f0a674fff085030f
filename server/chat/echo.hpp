// For external test suites: sends each message back unchanged, text or binary. The hidden option
// --echo serves it at /echo. An echo client takes no part in the chat. After the handshake only the
// size of its messages is limited, and that limit is above the chat's. A shutdown cuts an echo client
// off without a close frame.
#pragma once

#include "server/chat/utf8.hpp"
#include "server/loop/loop_executor.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include <string_view>

namespace chat {

inline constexpr std::size_t max_echo_bytes = 32 * 1024 * 1024;

/// True if the target of a request is `/echo`, with or without a query.
inline bool asks_for_echo(std::string_view target) {
    return target.substr(0, target.find('?')) == "/echo";
}

/// Echoes until the peer leaves. `stream` is Beast's WebSocket stream; this is a template so that only
/// session.cpp includes Beast's stream.
template <class Stream>
task<> echo(Stream& stream) {
    stream.read_message_max(max_echo_bytes);
    stream.auto_fragment(false);
    boost::beast::flat_buffer buffer;
    for (;;) {
        const auto [unread, size] = co_await stream.async_read(buffer, asio::as_tuple(use_task));
        if (unread)
            co_return;
        const std::string_view payload{static_cast<const char*>(buffer.cdata().data()), size};
        if (stream.got_text() && ends_inside_character(payload)) {
            const boost::beast::websocket::close_reason why{
                boost::beast::websocket::close_code::bad_payload};
            co_await stream.async_close(why, asio::as_tuple(use_task));
            co_return;
        }
        stream.text(stream.got_text());
        const auto [unsent, sent] =
            co_await stream.async_write(buffer.cdata(), asio::as_tuple(use_task));
        if (unsent)
            co_return;
        buffer.clear();
    }
}

} // namespace chat
