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
    std::string path = "/"; ///< without a query
    std::string query;      ///< without its question mark
};

/// Reads a URL of that form. A fragment is dropped, and the scheme may be in capitals; a user name, an
/// IPv6 zone and `wss://` are not supported.
std::optional<ws_url> parse_url(std::string_view text);

struct load_options {
    std::string url = "ws://127.0.0.1:8080/";
    std::uint32_t clients = 50;
    std::uint32_t senders = 1;
    std::uint32_t slow_readers = 0;
    std::uint32_t window = 1; ///< closed loop: messages that a sender has outstanding
    double rate = 0;          ///< messages a second in total; 0: closed loop
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
    bool self_test = false; ///< no server: how much chat-load itself can take
};

struct compare_options {
    std::string left;
    std::string right;
    std::string html;
};

/// Nothing to run: the help that was asked for, or one line on what to do instead.
struct usage {
    exit_code code = usage_error;
    std::string text;
};

std::variant<load_options, compare_options, usage> parse_command_line(int argc,
                                                                      const char* const* argv);

} // namespace chat::load
