// The command line of chat-load.
#pragma once

#include "client/time.hpp"
#include "client/verdict.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace chat::load {

/// `ws://HOST:PORT/`
struct ws_url {
    std::string host; ///< a name in lower case, or an IP address; IPv6 without brackets
    std::uint16_t port = 80;
    std::string path = "/"; ///< without the query
    std::string query;      ///< without the question mark
};

/// Parses a URL of that form, or returns nothing. Drops a fragment and accepts the scheme in capitals.
/// Does not support a user name, an IPv6 zone or `wss://`.
std::optional<ws_url> parse_url(std::string_view text);

struct load_options {
    std::string url = "ws://127.0.0.1:8080/";
    std::uint32_t clients = 50;
    std::uint32_t senders = 1;
    std::uint32_t slow_readers = 0;
    std::uint32_t window = 1; ///< closed loop: outstanding messages per sender
    double rate = 0;          ///< total messages per second; 0: closed loop
    nanoseconds duration = std::chrono::seconds{5};
    nanoseconds warmup{};
    nanoseconds timeout = std::chrono::seconds{2};
    nanoseconds connect_timeout = std::chrono::seconds{5};
    std::uint32_t message_bytes = 64;
    verdict expected = verdict::alive;
    std::optional<nanoseconds> max_p50, max_p99, max_p999;
    std::string json;
    std::string html;
    bool quiet = false;
    bool self_test = false; ///< measure chat-load itself, without a server
};

struct compare_options {
    std::string left;
    std::string right;
    std::string html;
};

/// There is nothing to run: the requested help, or one line that says what to do instead.
struct usage {
    exit_code code = usage_error;
    std::string text;
};

std::variant<load_options, compare_options, usage> parse_command_line(int argc,
                                                                      const char* const* argv);

} // namespace chat::load
