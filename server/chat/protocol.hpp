// The JSON in WebSocket text frames: the client's requests and the server's answers. Pure functions on
// text: no sockets, no locks, any thread.
#pragma once

#include <boost/system/result.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>

namespace chat {

inline constexpr std::size_t max_text_bytes = 4096;
inline constexpr std::size_t max_name_characters = 32;

/// `{"type":"say","text":"…","ref":any?}`. Both stay as written in the payload, because they are passed
/// on unchanged.
struct say_request {
    std::string_view text; ///< a JSON string of 1 to max_text_bytes bytes
    std::string_view ref;  ///< any JSON; empty if absent
};

/// `{"type":"name","name":"…"}`
struct name_request {
    std::string name;
};

using request = std::variant<say_request, name_request>;

/// Why a request was refused; sent to the client as `{"type":"error",…}`.
struct refusal {
    /// Stable, for programs: `bad_json`, `bad_type`, `bad_text`, `bad_name`, …
    std::string_view code;
    std::string reason; ///< for people
};

/// Throws the exception of `parse_request(…).value()` on a refusal. Boost.System finds this function by
/// name, and needs it from 1.92 on, where `*parsed` calls `value()`. Our code checks for a refusal
/// first.
[[noreturn]] inline void throw_exception_from_error(const refusal& why,
                                                    const boost::source_location& /*where*/) {
    throw std::invalid_argument{why.reason};
}

/// Parses one message from a client. `payload` must be valid UTF-8 (Beast and the session check that).
/// A say_request is valid as long as `payload` is.
boost::system::result<request, refusal> parse_request(std::string_view payload);

/// True if the name is 1 to 32 printable characters of valid UTF-8, not all of them invisible.
bool is_valid_name(std::string_view name);

/// Returns the percent-decoded `name` of a request target such as `/?name=alice%20b`; nothing if absent.
std::optional<std::string> name_in_target(std::string_view target);

/// Sent to a client when it joins.
struct welcome {
    std::uint64_t id;
    std::string_view name;
    std::uint64_t seq; ///< newest message at that time
    std::string_view mutex;
    std::string_view guard;
    std::size_t max_message_bytes;
    std::size_t history; ///< messages that the server keeps
};

std::string encode(const welcome& greeting);
std::string encode_ack(std::string_view ref, std::uint64_t seq);
std::string encode_presence(std::size_t clients);
std::string encode_gap(std::uint64_t missed);
std::string encode_error(const refusal& why);

/// Encodes a message without its beginning: all the work that does not need the lock. With the lock
/// held, message_buffer::append numbers the message and adds its beginning. `text_json` is JSON.
std::string encode_message_rest(std::uint64_t id, std::string_view from, std::string_view text_json,
                                std::chrono::system_clock::time_point when);

} // namespace chat
