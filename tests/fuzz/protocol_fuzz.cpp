// Gives the server any bytes as a client's message, as a name and as a request target. Whatever the
// server accepts must come out unchanged, and every answer must be JSON.
#include "server/chat/protocol.hpp"
#include "tests/fuzz/require.hpp"

#include <boost/json.hpp>

#include <cstdint>

namespace {

namespace json = boost::json;
using namespace chat;
using fuzz::require;

json::object parse_answer(const std::string& text) {
    boost::system::error_code error;
    auto value = json::parse(text, error);
    require(!error && value.is_object(), "an answer of the server is a JSON object");
    return value.as_object();
}

void check_said(std::string_view payload, const say_request& said) {
    const auto asked = json::parse({payload.data(), payload.size()}).as_object();
    const auto size = asked.at("text").as_string().size();
    require(size > 0 && size <= max_text_bytes, "a text has 1 to 4096 bytes");

    const auto message = parse_answer(
        R"({"type":"message","seq":1)" +
        encode_message_rest(7, "guest-7", said.text, std::chrono::system_clock::time_point{}));
    require(message.at("text").as_string() == asked.at("text").as_string(),
            "a message has the text that was said");

    const auto ack = parse_answer(encode_ack(said.ref, 1));
    require(ack.contains("ref") == asked.contains("ref"),
            "an ack has a ref exactly if the request had one");
    // Numbers are not compared by value, because Boost.JSON 1.81 may parse the same digits to different
    // numbers in different places.
    require(!ack.contains("ref") || ack.at("ref").kind() == asked.at("ref").kind(),
            "a ref keeps its JSON type");
    require(!ack.contains("ref") || !ack.at("ref").is_string() || ack.at("ref") == asked.at("ref"),
            "a string ref is unchanged");
    require(payload.find(said.ref) != std::string_view::npos,
            "a ref is returned as it was written");
}

void check_name(std::string_view name) {
    if (!is_valid_name(name))
        return;
    const auto greeting = parse_answer(encode(welcome{.id = 1,
                                                      .name = name,
                                                      .seq = 0,
                                                      .mutex = "std",
                                                      .guard = "released",
                                                      .max_message_bytes = 1,
                                                      .history = 1}));
    require(std::string_view{greeting.at("name").as_string()} == name,
            "the welcome has the unchanged name");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes{reinterpret_cast<const char*>(data), size};
    const auto parsed = parse_request(bytes);
    if (!parsed) {
        const auto error = parse_answer(encode_error(parsed.error()));
        require(!error.at("reason").as_string().empty(), "a refusal has a reason");
    } else if (const auto* said = std::get_if<say_request>(&*parsed)) {
        check_said(bytes, *said);
    } else {
        const auto& name = std::get<name_request>(*parsed).name;
        require(is_valid_name(name), "only valid names are accepted");
        check_name(name);
    }
    check_name(bytes);
    if (const auto name = name_in_target(bytes))
        check_name(*name);
    return 0;
}
