#include "server/chat/protocol.hpp"

#include "server/chat/json_text.hpp"

#include <boost/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <charconv>
#include <iterator>

namespace chat {

namespace json = boost::json;

namespace {

bool needs_escape(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}

/// Appends the text as a JSON string, quotes and escapes included.
void append_json_string(std::string& out, std::string_view text) {
    if (std::ranges::none_of(text, needs_escape)) {
        out.append(1, '"').append(text).append(1, '"');
        return;
    }
    json::serializer serializer;
    serializer.reset(json::string_view{text.data(), text.size()});
    char chunk[512];
    while (!serializer.done()) {
        const auto part = serializer.read(chunk);
        out.append(part.data(), part.size());
    }
}

/// With leading zeros.
void append_digits(std::string& out, unsigned value, std::size_t width) {
    out.append(width, '0');
    for (auto digit = out.rbegin(); width > 0; --width, value /= 10)
        *digit++ = static_cast<char>('0' + value % 10);
}

/// As `2026-11-22T21:34:00.123Z`, by arithmetic: strftime would take longer than all the rest, and a
/// format string half as long.
void append_time(std::string& out, std::chrono::system_clock::time_point when) {
    using namespace std::chrono;
    const auto ms = floor<milliseconds>(when);
    const auto day = floor<days>(ms);
    const year_month_day date{day};
    const hh_mm_ss clock{ms - day};
    const auto number = [&out](auto value, std::size_t width, char behind) {
        append_digits(out, static_cast<unsigned>(value), width);
        out += behind;
    };
    number(static_cast<int>(date.year()), 4, '-');
    number(static_cast<unsigned>(date.month()), 2, '-');
    number(static_cast<unsigned>(date.day()), 2, 'T');
    number(clock.hours().count(), 2, ':');
    number(clock.minutes().count(), 2, ':');
    number(clock.seconds().count(), 2, '.');
    number(clock.subseconds().count(), 3, 'Z');
}

boost::system::result<request, refusal> parse_say(const json::object& message,
                                                  std::string_view payload) {
    const auto* text = message.if_contains("text");
    if (text == nullptr || !text->is_string())
        return refusal{"bad_text", R"("text" must be a string)"};
    const auto& value = text->get_string();
    if (value.empty() || value.size() > max_text_bytes)
        return refusal{"bad_text", fmt::format(R"("text" must have 1 to {} bytes, not {})",
                                               max_text_bytes, value.size())};
    say_request say{.text = std::string{value}, .ref = {}};
    if (message.contains("ref"))
        say.ref = member_text(payload, "ref"); // as it came
    return request{std::move(say)};
}

boost::system::result<request, refusal> parse_name(const json::object& message) {
    const auto* name = message.if_contains("name");
    if (name == nullptr || !name->is_string() || !is_valid_name(name->get_string()))
        return refusal{"bad_name", fmt::format(R"("name" must be 1 to {} printable characters)",
                                               max_name_characters)};
    return request{name_request{.name = std::string{name->get_string()}}};
}

/// Takes one code point off the front; nothing when it is not valid UTF-8 (RFC 3629).
std::optional<char32_t> next_code_point(std::string_view& text) {
    const auto lead = static_cast<unsigned char>(text.front());
    const std::size_t size = lead < 0x80   ? 1
                             : lead < 0xC2 ? 0
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF5 ? 4
                                           : 0;
    if (size == 0 || text.size() < size)
        return {};
    char32_t code = size == 1 ? lead : lead & (0x7F >> size);
    for (std::size_t i = 1; i < size; ++i) {
        const auto next = static_cast<unsigned char>(text[i]);
        if ((next & 0xC0) != 0x80)
            return {};
        code = code << 6 | (next & 0x3F);
    }
    text.remove_prefix(size);
    const bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    if (overlong || surrogate || code > 0x10FFFF)
        return {};
    return code;
}

/// Not a control character, and nothing that breaks or turns a line round.
bool is_printable(char32_t code) {
    const bool control = code < 0x20 || (code >= 0x7F && code < 0xA0);
    const bool line_or_direction =
        (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
    return !control && !line_or_direction;
}

std::optional<std::string> percent_decode(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded += text[i] == '+' ? ' ' : text[i];
            continue;
        }
        unsigned value = 0;
        const auto* digits = text.data() + i + 1;
        if (i + 2 >= text.size() ||
            std::from_chars(digits, digits + 2, value, 16).ptr != digits + 2)
            return {};
        decoded += static_cast<char>(value);
        i += 2;
    }
    return decoded;
}

} // namespace

boost::system::result<request, refusal> parse_request(std::string_view payload) {
    // On the stack: most messages are parsed without a single allocation.
    unsigned char memory[2048];
    json::monotonic_resource resource{memory, sizeof memory};
    json::error_code error;
    const auto value = json::parse({payload.data(), payload.size()}, error, &resource);
    if (error)
        return refusal{"bad_json", fmt::format("not valid JSON: {}", error.message())};
    const auto* message = value.if_object();
    const auto* type = message != nullptr ? message->if_contains("type") : nullptr;
    if (type == nullptr || !type->is_string())
        return refusal{"bad_type", R"(expected an object such as {"type":"say","text":"hello"})"};
    if (type->get_string() == "say")
        return parse_say(*message, payload);
    if (type->get_string() == "name")
        return parse_name(*message);
    return refusal{"bad_type", R"("type" must be "say" or "name")"};
}

bool is_valid_name(std::string_view name) {
    std::size_t characters = 0;
    while (!name.empty() && characters <= max_name_characters) {
        const auto code = next_code_point(name);
        if (!code || !is_printable(*code))
            return false;
        ++characters;
    }
    return characters >= 1 && characters <= max_name_characters;
}

std::optional<std::string> name_in_target(std::string_view target) {
    constexpr std::string_view key = "name=";
    const auto question = target.find('?');
    if (question == std::string_view::npos)
        return {};
    auto query = target.substr(question + 1);
    while (!query.empty()) {
        const auto pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(pair.size() + 1, query.size()));
        if (pair.starts_with(key))
            return percent_decode(pair.substr(key.size())).value_or("");
    }
    return {};
}

std::string encode(const welcome& greeting) {
    auto text = fmt::format(R"({{"type":"welcome","id":{},"name":)", greeting.id);
    append_json_string(text, greeting.name);
    fmt::format_to(std::back_inserter(text), R"(,"seq":{},"mutex":"{}","guard":"{}",)",
                   greeting.seq, greeting.mutex, greeting.guard);
    fmt::format_to(
        std::back_inserter(text),
        R"("limits":{{"text_bytes":{},"name_characters":{},"message_bytes":{},"history":{}}}}})",
        max_text_bytes, max_name_characters, greeting.max_message_bytes, greeting.history);
    return text;
}

std::string encode_ack(std::string_view ref, std::uint64_t seq) {
    std::string text;
    text.reserve(48 + ref.size());
    text += R"({"type":"ack",)";
    if (!ref.empty())
        text.append(R"("ref":)").append(ref) += ',';
    text.append(R"("seq":)").append(std::to_string(seq)) += '}';
    return text;
}

std::string encode_presence(std::size_t clients) {
    return fmt::format(R"({{"type":"presence","clients":{}}})", clients);
}

std::string encode_gap(std::uint64_t missed) {
    return fmt::format(R"({{"type":"gap","missed":{}}})", missed);
}

std::string encode_error(const refusal& why) {
    auto text = fmt::format(R"({{"type":"error","code":"{}","reason":)", why.code);
    append_json_string(text, why.reason);
    text += '}';
    return text;
}

std::string encode_message_rest(std::uint64_t id, std::string_view from, std::string_view text,
                                std::chrono::system_clock::time_point when) {
    std::string rest;
    rest.reserve(96 + from.size() + text.size());
    rest.append(R"(,"id":)").append(std::to_string(id)).append(R"(,"from":)");
    append_json_string(rest, from);
    rest += R"(,"text":)";
    append_json_string(rest, text);
    rest += R"(,"time":")";
    append_time(rest, when);
    rest += R"("})";
    return rest;
}

} // namespace chat
