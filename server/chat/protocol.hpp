// The JSON in WebSocket text frames: the requests of a client, and everything the server sends. No
// other file writes JSON for a client. Pure functions over text: no sockets, no locks, any thread.
#pragma once

#include <boost/system/result.hpp>

#include <array>
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

/// `{"type":"say","text":"…","ref":any?}`. Both values are views of the payload, because they are passed
/// on exactly as the client wrote them.
struct say_request {
    std::string_view text; ///< a JSON string of 1 to max_text_bytes
    std::string_view ref;  ///< any JSON value; empty if the request has none
};

/// `{"type":"name","name":"…"}`
struct name_request {
    std::string name;
};

using request = std::variant<say_request, name_request>;

/// Why a request is refused. The client gets it as `{"type":"error",…}`.
struct refusal {
    /// For programs, and stable: `bad_json`, `bad_type`, `bad_text`, `bad_name`, …
    std::string_view code;
    std::string reason; ///< for people
};

/// Throws what `parse_request(…).value()` throws if there is a refusal. Boost.System finds this by name, and needs
/// it from 1.92 on, where `*parsed` calls `value()`. Our code checks first.
[[noreturn]] inline void throw_exception_from_error(const refusal& why,
                                                    const boost::source_location& /*where*/) {
    throw std::invalid_argument{why.reason};
}

/// Reads one message from a client. `payload` must be valid UTF-8, which Beast and the session check. A
/// say_request is valid as long as the payload.
boost::system::result<request, refusal> parse_request(std::string_view payload);

/// True if the name has 1 to 32 printable characters in valid UTF-8, not all of them blank.
bool is_valid_name(std::string_view name);

/// Returns the percent-decoded `name` of a request target such as `/?name=alice%20b`, or nothing if the
/// target has no name.
std::optional<std::string> name_in_target(std::string_view target);

/// The first message to a new client.
struct welcome {
    std::uint64_t id;
    std::string_view name;
    std::uint64_t seq; ///< number of the newest message at that moment
    std::string_view mutex;
    std::string_view guard;
    std::size_t max_message_bytes;
    std::size_t history; ///< how many messages the server keeps
};

std::string encode(const welcome& greeting);
std::string encode_ack(std::string_view ref, std::uint64_t seq);
std::string encode_presence(std::size_t clients);
std::string encode_gap(std::uint64_t missed);
std::string encode_error(const refusal& why);

/// The beginning of a message, up to its number. encode_message_rest() makes the rest.
class message_head {
public:
    explicit message_head(std::uint64_t seq);

    [[nodiscard]] std::string_view text() const { return {text_.data(), size_}; }

private:
    static constexpr std::string_view before_seq = R"({"type":"message","seq":)";
    static constexpr std::size_t max_digits = 20;

    std::array<char, before_seq.size() + max_digits> text_;
    std::size_t size_;
};

/// A message without its head. A message is numbered under the lock, in message_buffer::append(), so
/// everything else is encoded before the lock is taken. `text_json` is a JSON string.
std::string encode_message_rest(std::uint64_t id, std::string_view from, std::string_view text_json,
                                std::chrono::system_clock::time_point when);

} // namespace chat
