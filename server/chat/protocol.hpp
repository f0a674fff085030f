// The JSON that travels in WebSocket text frames: what a client may ask, what the server answers.
// Pure functions over text; no sockets, no locks, any thread.
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

/// `{"type":"say","text":"…","ref":any?}`, both as they were written in the payload: they are passed on
/// as they are.
struct say_request {
    std::string_view text; ///< a JSON string, of 1 to max_text_bytes
    std::string_view ref;  ///< any JSON, empty when there was none
};

/// `{"type":"name","name":"…"}`
struct name_request {
    std::string name;
};

using request = std::variant<say_request, name_request>;

/// Why a request was not taken; goes back to the client as `{"type":"error",…}`.
struct refusal {
    std::string_view
        code;           ///< stable, for programs: `bad_json`, `bad_type`, `bad_text`, `bad_name`, …
    std::string reason; ///< for people
};

/// Throws what `parse_request(…).value()` throws when there is a refusal instead: Boost.System finds this
/// by name, and needs it from 1.92 on, where `*parsed` calls `value()`. Our code asks first.
[[noreturn]] inline void throw_exception_from_error(const refusal& why,
                                                    const boost::source_location& /*where*/) {
    throw std::invalid_argument{why.reason};
}

/// Reads one message of a client. `payload` is valid UTF-8 (Beast and the session have seen to it), and
/// a say_request is valid as long as it is.
boost::system::result<request, refusal> parse_request(std::string_view payload);

/// Whether it is 1 to 32 printable characters of valid UTF-8, not all of them blank.
bool is_valid_name(std::string_view name);

/// The `name` of a request target such as `/?name=alice%20b`, percent-decoded; nothing when absent.
std::optional<std::string> name_in_target(std::string_view target);

/// What a client learns on arrival.
struct welcome {
    std::uint64_t id;
    std::string_view name;
    std::uint64_t seq; ///< newest message at that moment
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

/// A message without its beginning, which message_buffer::append numbers and completes:
/// all the work that need not be done under the lock. `text_json` is JSON already.
std::string encode_message_rest(std::uint64_t id, std::string_view from, std::string_view text_json,
                                std::chrono::system_clock::time_point when);

} // namespace chat
