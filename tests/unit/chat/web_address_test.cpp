// Hosts and origins as text: which are accepted, and which count as the same.
#include "server/http/web_address.hpp"

#include <doctest/doctest.h>

#include <utility>

using namespace chat;

TEST_CASE("an address is a name or an IP address, with an optional port") {
    const std::pair<const char*, web_address> table[] = {
        {"chat.lan", {"chat.lan", {}}},
        {"Chat.LAN:8080", {"chat.lan", 8080}},
        {"chat.lan:", {"chat.lan", {}}},
        {"chat.lan:00080", {"chat.lan", 80}},
        {"chat.lan:65535", {"chat.lan", 65535}},
        {"chat.lan.", {"chat.lan.", {}}}, // browsers take this for another host, as we do
        {"my_service", {"my_service", {}}},
        {"xn--bcher-kva.example", {"xn--bcher-kva.example", {}}},
        {"127.0.0.1:1", {"127.0.0.1", 1}},
        {"[::1]", {"::1", {}}},
        {"[::1]:8080", {"::1", 8080}},
        {"[0:0:0:0:0:0:0:1]", {"::1", {}}},
        {"[2001:DB8::A]:443", {"2001:db8::a", 443}},
    };
    for (const auto& [text, address] : table)
        CHECK_MESSAGE(parse_address(text) == address, text);
}

TEST_CASE("a text with more or less than an address is rejected") {
    for (const auto* text : {"",
                             ":",
                             ":80",
                             "a b",
                             " a",
                             "a ",
                             "a:0",
                             "a:65536",
                             "a:99999999999999999999",
                             "a:-1",
                             "a:+1",
                             "a:8x",
                             "a:x",
                             "a:80:80",
                             "::1",
                             "::1:8080",
                             "[::1",
                             "::1]",
                             "[]",
                             "[::1]evil",
                             "[::1]:x",
                             "[::1]:80x",
                             "[::1]80",
                             "[a]",
                             "[127.0.0.1]",
                             "[v1.x]",
                             "[fe80::1%eth0]",
                             "[fe80::1%25eth0]",
                             "[::1]]",
                             "[[::1]]",
                             "user@a",
                             "user:word@a",
                             "a/",
                             "a?",
                             "a#b",
                             "a\\b",
                             "a%62",
                             "a,b",
                             "*",
                             "*.example",
                             "http://a",
                             "\xC3\xBC.example",
                             "a\tb",
                             "a\r\nb"})
        CHECK_MESSAGE(!parse_address(text), text);
    CHECK_FALSE(parse_address(std::string_view{"a\0b", 3}));
}

TEST_CASE("a URL has a scheme, an address and an unchanged rest") {
    const auto url = parse_web_url("WS://Chat.lan:8080/A?b#C");
    REQUIRE(url);
    CHECK(url->scheme == "ws");
    CHECK(url->address == web_address{"chat.lan", 8080});
    CHECK(url->rest == "/A?b#C");
    CHECK(parse_web_url("http://a?b://c")->rest == "?b://c");
    for (const auto* text : {"", "a", "://a", "http:/a", "http:a", "1http://a", "ht tp://a",
                             "http://", "http:///a", "//a", "http//a"})
        CHECK_MESSAGE(!parse_web_url(text), text);
}

TEST_CASE("origins are the same whatever their case, with or without the port of their scheme") {
    const auto origin = parse_origin("https://chat.example");
    for (const auto* same :
         {"https://chat.example/", "HTTPS://Chat.EXAMPLE", "https://chat.example:443",
          "https://chat.example:", "https://chat.example:443/"})
        CHECK_MESSAGE(parse_origin(same) == origin, same);
    for (const auto* other :
         {"http://chat.example", "https://chat.example:80", "https://chat.example.",
          "https://a.chat.example", "wss://chat.example"})
        CHECK_MESSAGE(parse_origin(other) != origin, other);
    CHECK(parse_origin("http://[0::1]:80") == parse_origin("http://[::1]"));
    CHECK(parse_origin("chrome-extension://abcdef")); // can be listed as an allowed origin
}

TEST_CASE("a text with more or less than an origin is rejected") {
    for (const auto* text :
         {"", "null", "*", "chat.example", "https://", "https://a/b", "https://a//", "https://a?",
          "https://a#", "https://u@a", "https://a https://b", "https://a,https://b", "file://",
          "file:///etc/passwd", "data:text/html,x"})
        CHECK_MESSAGE(!parse_origin(text), text);
}
