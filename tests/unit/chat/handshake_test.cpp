// Which pages may connect, and which keys are valid. The rest of the handshake is tested over sockets:
// tests/integration/handshake_test.py.
#include "server/chat/handshake.hpp"

#include <doctest/doctest.h>

using namespace chat;

namespace {

bool is_allowed(std::string_view origin, std::string_view host,
                const handshake_limits& limits = {}) {
    return is_allowed_origin(origin, parse_address(host), limits);
}

} // namespace

TEST_CASE("pages of loopback, of the requested host and of the list may connect, and no others") {
    handshake_limits limits;
    limits.allowed_origins = {parse_origin("https://chat.example").value(),
                              parse_origin("http://Port.example:3000/").value(),
                              parse_origin("chrome-extension://abcdef").value()};

    struct row {
        const char* origin;
        const char* host;
        bool is_allowed;
    };

    const row table[] = {
        // Loopback.
        {"http://localhost", "x", true},
        {"http://localhost:3000", "x", true},
        {"https://LOCALHOST", "x", true},
        {"http://localhost/", "x", true},
        {"http://127.0.0.1:8081", "x", true},
        {"http://127.9.9.9", "x", true},
        {"http://[::1]:8081", "x", true},
        {"https://[0:0::1]", "x", true},
        // Looks like loopback, but is not.
        {"http://127.0.0.1:80.evil.example", "x", false},
        {"http://localhost:x@evil.example", "x", false},
        {"http://localhost@evil.example", "x", false},
        {"http://evil.example@localhost", "x", false},
        {"http://127.0.0.1.evil.example", "x", false},
        {"http://localhost.evil.example", "x", false},
        {"http://evil.example/http://localhost", "x", false},
        {"http://evil.example:80/127.0.0.1", "x", false},
        {"http://evil.example#@localhost", "x", false},
        {"http://evil.example?localhost", "x", false},
        {"http://localhost\\@evil.example", "x", false},
        {"http://[::1]evil", "x", false},
        {"http://[::1].evil.example", "x", false},
        {"http://[::1", "x", false},
        {"http://::1", "x", false},
        {"http://[::1%25lo]", "x", false},
        {"http://[::ffff:8.8.8.8]", "x", false},
        {"http://128.0.0.1", "x", false},
        {"http://2130706433", "x", false},
        {"http://0177.0.0.1", "x", false},
        {"http://127.1", "x", false},
        {"http://app.localhost", "x", false},
        {"http://localhost.", "x", false},
        {"http://localhost:99999", "x", false},
        {"http://localhost:0", "x", false},
        {"http://localhost:-1", "x", false},
        {"http://localhost:80x", "x", false},
        {"http://localhost:80:80", "x", false},
        {"http://localhost, http://evil.example", "x", false},
        {"http://localhost http://evil.example", "x", false},
        {"http://local%68ost", "x", false},
        // Schemes other than http and https.
        {"evil://localhost", "localhost", false},
        {"ws://localhost", "localhost", false},
        {"file://localhost", "localhost", false},
        // No host.
        {"", "x", false},
        {"null", "null", false},
        {"*", "x", false},
        {"localhost", "localhost", false},
        {"//localhost", "localhost", false},
        {"http:localhost", "localhost", false},
        {"http://", "x", false},
        {"http://:80", "x", false},
        {"file://", "x", false},
        // The requested host.
        {"http://chat.lan", "chat.lan", true},
        {"http://chat.lan:80", "chat.lan", true},
        {"http://chat.lan", "chat.lan:80", true},
        {"http://chat.lan:8080", "Chat.LAN:8080", true},
        {"HTTP://CHAT.lan:8080", "chat.lan:8080", true},
        {"https://chat.lan", "chat.lan", true},
        {"https://chat.lan", "chat.lan:443", true},
        {"https://chat.lan:443", "chat.lan", true},
        {"http://[2001:db8::1]:8080", "[2001:DB8:0::1]:8080", true},
        {"http://10.0.0.7:8080", "10.0.0.7:8080", true},
        // Not the requested host.
        {"https://chat.lan", "chat.lan:80", false},
        {"http://chat.lan", "chat.lan:443", false},
        {"http://chat.lan:8080", "chat.lan", false},
        {"http://chat.lan", "chat.lan:8080", false},
        {"http://chat.lan.", "chat.lan", false},
        {"http://evil.chat.lan", "chat.lan", false},
        {"http://chat.lan/x", "chat.lan", false},
        {"http://chat.lan", "chat.lan@chat.lan", false},
        // The list of allowed origins.
        {"https://chat.example", "x", true},
        {"https://Chat.Example", "x", true},
        {"https://chat.example:443", "x", true},
        {"http://chat.example", "x", false},
        {"https://chat.example:8443", "x", false},
        {"https://chat.example.evil", "x", false},
        {"http://port.example:3000", "x", true},
        {"http://port.example", "x", false},
        {"chrome-extension://abcdef", "x", true},
        {"chrome-extension://abcdeg", "x", false},
    };
    for (const auto& [origin, host, expected] : table) {
        CAPTURE(origin);
        CAPTURE(host);
        CHECK(is_allowed(origin, host, limits) == expected);
    }
}

TEST_CASE("every page may connect if every origin is allowed") {
    handshake_limits limits;
    limits.any_origin = true;
    for (const auto* origin : {"https://evil.example", "null", "", "file://"})
        CHECK_MESSAGE(is_allowed(origin, "x", limits), origin);
}

TEST_CASE("a key is 16 bytes in base64") {
    CHECK(is_websocket_key("dGhlIHNhbXBsZSBub25jZQ=="));
    CHECK(
        is_websocket_key("AQIDBAUGBwgJCgsMDQ4PEC==")); // the RFC's own example, with spare bits set
    CHECK(is_websocket_key("+/+/+/+/+/+/+/+/+/+/+w=="));
    for (const auto* key :
         {"", "==", "x", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=",
          "dGhlIHNhbXBsZSBub25jZQ===", "dGhlIHNhbXBsZSBub25jZQQ=", "dGhlIHNhbXBsZSBub25j",
          "dGhlIHNhbXBsZSBub25jZSE=", "dGhlIHNhbXBs ZSBub25jZQ==", "dGhlIHNhbXBsZSBub25j!Q==",
          "dGhlIHNhbXBsZSBub25-_Q==", "=dGhlIHNhbXBsZSBub25jZQ=",
          "dGhlIHNhbXBsZSBub25jZQ==dGhlIHNhbXBsZSBub25jZQ=="})
        CHECK_MESSAGE(!is_websocket_key(key), key);
}
