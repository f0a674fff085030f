#include "server/chat/protocol.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

#include <string>

using namespace chat;
namespace json = boost::json;

namespace {

std::string code_of(std::string_view payload) {
    const auto parsed = parse_request(payload);
    return parsed ? "accepted" : std::string{parsed.error().code};
}

json::object parse(const std::string& text) {
    return json::parse(text).as_object();
}

} // namespace

TEST_CASE("say keeps its text and its ref as JSON") {
    const auto parsed = parse_request(R"({"type":"say","text":"h\u00e9\n","ref":{"a":[1,null]}})");
    REQUIRE(parsed.has_value());
    const auto& say = std::get<say_request>(*parsed);
    CHECK(say.text == R"("h\u00e9\n")");
    CHECK(say.ref == R"({"a":[1,null]})");
}

TEST_CASE("a ref comes back as it was written, to the last digit") {
    const auto ref_of = [](const std::string& rest) {
        const auto payload = R"({"type":"say","text":"x")" + rest;
        const auto parsed = parse_request(payload);
        REQUIRE(parsed.has_value());
        return std::string{std::get<say_request>(*parsed).ref};
    };
    // Boost.JSON would parse this into a different double.
    CHECK(ref_of(R"(,"ref":18446744073704345678901234567890})") ==
          "18446744073704345678901234567890");
    CHECK(ref_of(R"(, "ref" : -0.10 , "a":2})") == "-0.10");
    CHECK(ref_of(R"(,"ref":[1, {"a":"}]\"\\"}, true]})") == R"([1, {"a":"}]\"\\"}, true])");
    CHECK(ref_of(R"(,"ref":"\u00e9\"," })") == R"("\u00e9\",")");
    CHECK(ref_of(R"(,"ref":{} })") == "{}");
    CHECK(ref_of(R"(,"a":{"ref":1},"r\u0065f":null})") == "null");
    CHECK(ref_of(R"(,"ref":1,"b":[["ref",2]],"ref":3})") == "3");
    CHECK(ref_of(R"(,"ref":["a"],"ref":"last"})") == R"("last")");
    CHECK(ref_of(R"(,"ref":"last","a":[{"ref":0}]})") == R"("last")");
    CHECK(ref_of(R"(,"ref":false})") == "false");
    CHECK(ref_of(R"(,"ref":""})") == R"("")");
}

TEST_CASE("a text is passed on as it was written, whatever its escapes") {
    const auto text_of = [](const std::string& text) {
        const auto payload = R"({ "a\b":"c", "type" : "say", "text" : )" + text + " }";
        const auto parsed = parse_request(payload);
        REQUIRE(parsed.has_value());
        return std::string{std::get<say_request>(*parsed).text};
    };
    for (const std::string text : {R"("plain")", R"("\u0041")", R"("\"")", R"("a\\")",
                                   R"("\\\"a\n")", R"("a\ud83d\ude00b")", "\"h\xC3\xA9\""})
        CHECK(text_of(text) == text);
    // As long as the parser's own buffer, and longer.
    const auto long_text = R"("\t)" + std::string(4095, 'x') + '"';
    CHECK(text_of(long_text) == long_text);
    std::string escapes = "\"";
    for (int i = 0; i < 4096; ++i)
        escapes += R"(\n)";
    escapes += '"';
    CHECK(text_of(escapes) == escapes);
}

TEST_CASE("a request is understood however its names and words are written") {
    CHECK(code_of(R"({"t\u0079pe":"s\u0061y","te\u0078t":"x"})") == "accepted");
    CHECK(code_of(R"({"type":"name","n\u0061me":"b\u006fb"})") == "accepted");
    CHECK(code_of(R"({"type":"name","name":"tab\t"})") == "bad_name");
    CHECK(code_of(R"({")" + std::string(5000, 'k') + R"(\t":1,"type":"say","text":"x"})") ==
          "accepted");
    CHECK(code_of(R"([{"type":"say","text":"x"}])") == "bad_type");
    CHECK(code_of(R"({"a":{"type":"say","text":"x"}})") == "bad_type");
    CHECK(code_of(R"({"type":"say","text":"x"} x)") == "bad_json");
}

TEST_CASE("say without a ref has an ack without one") {
    const auto parsed = parse_request(R"({"type":"say","text":"x"})");
    REQUIRE(parsed.has_value());
    CHECK(std::get<say_request>(*parsed).ref.empty());
    CHECK(encode_ack("", 7) == R"({"type":"ack","seq":7})");
    CHECK(encode_ack(R"("r")", 7) == R"({"type":"ack","ref":"r","seq":7})");
}

TEST_CASE("an invalid request is refused with a code for programs") {
    CHECK(code_of("") == "bad_json");
    CHECK(code_of("{") == "bad_json");
    CHECK(code_of(R"({"type":"say","text":"\ud800"})") == "bad_json");
    CHECK(code_of(std::string(100'000, '[')) == "bad_json");
    CHECK(code_of("[]") == "bad_type");
    CHECK(code_of("null") == "bad_type");
    CHECK(code_of("{}") == "bad_type");
    CHECK(code_of(R"({"type":7})") == "bad_type");
    CHECK(code_of(R"({"type":"shout","text":"x"})") == "bad_type");
    CHECK(code_of(R"({"type":"say"})") == "bad_text");
    CHECK(code_of(R"({"type":"say","text":7})") == "bad_text");
    CHECK(code_of(R"({"type":"say","text":""})") == "bad_text");
    CHECK(code_of(R"({"type":"name"})") == "bad_name");
    CHECK(code_of(R"({"type":"name","name":""})") == "bad_name");
}

TEST_CASE("a text has 1 to 4096 bytes") {
    const auto say = [](std::size_t bytes) {
        return R"({"type":"say","text":")" + std::string(bytes, 'x') + R"("})";
    };
    CHECK(code_of(say(1)) == "accepted");
    CHECK(code_of(say(4096)) == "accepted");
    CHECK(code_of(say(4097)) == "bad_text");
    // The size counts after decoding.
    std::string escaped;
    for (int i = 0; i < 4096; ++i)
        escaped += R"(\n)";
    CHECK(code_of(R"({"type":"say","text":")" + escaped + R"("})") == "accepted");
    CHECK(code_of(R"({"type":"say","text":")" + escaped + R"(x"})") == "bad_text");
}

TEST_CASE("a name has 1 to 32 printable characters, whatever their bytes, and is visible") {
    std::string umlauts;
    for (int i = 0; i < 32; ++i)
        umlauts += "\xC3\xBC";
    CHECK(is_valid_name("alice"));
    CHECK(is_valid_name(umlauts));
    CHECK(is_valid_name("\xF0\x9F\x98\x80"));
    CHECK_FALSE(is_valid_name(""));
    CHECK_FALSE(is_valid_name(umlauts + "x"));
    CHECK_FALSE(is_valid_name("tab\there"));
    CHECK_FALSE(is_valid_name("bell\x7F"));
    CHECK_FALSE(is_valid_name("c1 \xC2\x85"));
    CHECK_FALSE(is_valid_name("turned \xE2\x80\xAE"));
    CHECK_FALSE(is_valid_name("turned by a mark \xE2\x80\x8F"));
    CHECK_FALSE(is_valid_name(" \xE3\x80\x80 "));                         // only blanks
    CHECK_FALSE(is_valid_name("\xE2\x80\x8B"));                           // zero width
    CHECK_FALSE(is_valid_name("\xE3\x85\xA4"));                           // a filler letter
    CHECK(is_valid_name("\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB")); // joined into one emoji
    CHECK_FALSE(is_valid_name("noncharacter \xEF\xBF\xBF"));
    CHECK_FALSE(is_valid_name("\xC3"));
    CHECK_FALSE(is_valid_name("\xC0\x80"));         // overlong
    CHECK_FALSE(is_valid_name("\xED\xA0\x80"));     // a surrogate
    CHECK_FALSE(is_valid_name("\xF4\x90\x80\x80")); // beyond Unicode
}

TEST_CASE("a name in the target is percent-decoded") {
    CHECK(name_in_target("/") == std::nullopt);
    CHECK(name_in_target("/?") == std::nullopt);
    CHECK(name_in_target("/?surname=x") == std::nullopt);
    CHECK(name_in_target("/?name=alice") == "alice");
    CHECK(name_in_target("/?a=b&name=b%C3%A9+c&d=e") == "b\xC3\xA9 c");
    CHECK(name_in_target("/?name=%zz") == "");
    CHECK(name_in_target("/?name=%a") == "");
}

TEST_CASE("everything that the server sends is JSON with the fields of the protocol") {
    const auto hello = parse(encode(welcome{.id = 7,
                                            .name = "a\"b",
                                            .seq = 41,
                                            .mutex = "async",
                                            .guard = "released",
                                            .max_message_bytes = 16384,
                                            .history = 1000}));
    CHECK(hello.at("type") == "welcome");
    CHECK(hello.at("name") == "a\"b");
    CHECK(hello.at("seq") == 41);
    CHECK(hello.at("limits").at("message_bytes") == 16384);
    CHECK(parse(encode_presence(12)) == parse(R"({"type":"presence","clients":12})"));
    CHECK(parse(encode_gap(17)) == parse(R"({"type":"gap","missed":17})"));
    const auto error = parse(encode_error({"bad_json", "a \"reason\"\n"}));
    CHECK(error.at("code") == "bad_json");
    CHECK(error.at("reason") == "a \"reason\"\n");
}

TEST_CASE("a head and a rest make a message, with the time to the millisecond in UTC") {
    using namespace std::chrono;
    const system_clock::time_point when{milliseconds{1'763'847'240'123}};
    const std::string long_name(2000, '"'); // longer than the serializer's chunk, each byte escaped
    const auto rest = encode_message_rest(7, long_name, R"("\u0061")", when);
    const auto message = parse(std::string{message_head{1}.text()} + rest);
    CHECK(message.at("type") == "message");
    CHECK(message.at("seq") == 1);
    CHECK(message.at("id") == 7);
    CHECK(message.at("from") == json::string_view{long_name});
    CHECK(message.at("text") == "a");
    CHECK(message.at("time") == "2025-11-22T21:34:00.123Z");
}

TEST_CASE("a message's head has room for every number") {
    CHECK(message_head{0}.text() == R"({"type":"message","seq":0)");
    CHECK(message_head{18'446'744'073'709'551'615u}.text() ==
          R"({"type":"message","seq":18446744073709551615)");
}
