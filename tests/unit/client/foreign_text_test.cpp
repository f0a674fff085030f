// Text from outside, before it reaches a terminal or a report.
#include "client/foreign_text.hpp"

#include <boost/json.hpp>

#include <doctest/doctest.h>

using namespace chat::load;

TEST_CASE("readable text stays unchanged") {
    for (const auto* text : {"", "plain", "Grüße, 世界 🧊", "a\\b \"c\" <d>"})
        CHECK(visible(text) == text);
}

TEST_CASE("one-byte and two-byte control characters become visible") {
    CHECK(visible("a\x1b[2Jb\x07\r\n\t\x7f") == "a\\x1b[2Jb\\x07\\x0d\\x0a\\x09\\x7f");
    CHECK(visible(std::string_view{"a\0b", 3}) == "a\\x00b");
    CHECK(visible("\xc2\x9b"
                  "2J") == "\\u{9b}2J");
}

TEST_CASE("characters that reverse or end a line become visible") {
    CHECK(visible("a\u202eb\u2066c\u2028d\u200fe\u061cf") ==
          "a\\u{202e}b\\u{2066}c\\u{2028}d\\u{200f}e\\u{61c}f");
}

TEST_CASE("bytes that are not UTF-8 become visible one by one") {
    CHECK(visible("\xff\xfe") == "\\xff\\xfe");
    CHECK(visible("\x9b") == "\\x9b");                                     // a bare C1 control
    CHECK(visible("a\xe2\x82") == "a\\xe2\\x82");                          // cut off
    CHECK(visible("\xc0\xaf\xe0\x80\xaf") == "\\xc0\\xaf\\xe0\\x80\\xaf"); // overlong
    CHECK(visible("\xed\xa0\x80") == "\\xed\\xa0\\x80");                   // a surrogate
    CHECK(visible("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80"); // beyond the last code point
    CHECK(visible("\xf5ok") == "\\xf5ok");
}

TEST_CASE("JSON with arbitrary bytes in its strings becomes valid JSON and shows the bytes") {
    std::string any;
    for (int byte = 255; byte >= 0; --byte)
        any += static_cast<char>(byte);
    const auto text = with_valid_utf8(boost::json::serialize(boost::json::object{{any, any}}));
    const auto value = boost::json::parse(text); // throws if it is not JSON
    CHECK(std::string{value.as_object().begin()->value().as_string()}.starts_with("\\xff\\xfe"));
    CHECK(with_valid_utf8(R"({"a":"ü\u001b"})") == R"({"a":"ü\u001b"})");
}

TEST_CASE("foreign text is cut to a fixed length") {
    CHECK(shortened(std::string(100'000, 'x')).size() == 200);
    CHECK(shortened("short") == "short");
}
