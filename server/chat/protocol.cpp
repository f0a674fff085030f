#include "server/chat/protocol.hpp"

#include "server/chat/json_text.hpp"

#include <boost/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <span>

namespace chat {

namespace json = boost::json;

namespace {

/// Appends the text as a JSON string, with quotes and escapes.
void append_json_string(std::string& out, std::string_view text) {
    const auto as_it_is = [](char c) {
        return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\';
    };
    if (std::ranges::all_of(text, as_it_is)) {
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

void append_number(std::string& out, std::uint64_t number) {
    const fmt::format_int digits{number};
    out.append(digits.data(), digits.size());
}

/// Appends the time as `2026-11-22T21:34:00.123Z`. Computes the digits by itself: strftime would take
/// longer than the rest of encoding a message, and a format string half as long.
void append_time(std::string& out, std::chrono::system_clock::time_point when) {
    using namespace std::chrono;
    const auto ms = floor<milliseconds>(when);
    const auto day = floor<days>(ms);
    const year_month_day date{day};
    const hh_mm_ss clock{ms - day};
    auto text = std::to_array("0000-00-00T00:00:00.000Z");
    const auto write = [&text](auto value, std::size_t from, std::size_t to) {
        auto rest = static_cast<unsigned>(value);
        for (; to > from; rest /= 10)
            text[--to] = static_cast<char>('0' + rest % 10);
    };
    write(static_cast<int>(date.year()), 0, 4);
    write(static_cast<unsigned>(date.month()), 5, 7);
    write(static_cast<unsigned>(date.day()), 8, 10);
    write(clock.hours().count(), 11, 13);
    write(clock.minutes().count(), 14, 16);
    write(clock.seconds().count(), 17, 19);
    write(clock.subseconds().count(), 20, 23);
    out.append(text.data(), text.size() - 1);
}

boost::system::result<request, refusal> parse_say(const json_member& text, const json_member& ref) {
    if (!text.is_string)
        return refusal{"bad_text", R"("text" must be a string)"};
    if (text.size == 0 || text.size > max_text_bytes)
        return refusal{"bad_text", fmt::format(R"("text" must have 1 to {} bytes, not {})",
                                               max_text_bytes, text.size)};
    return request{say_request{.text = text.text, .ref = ref.text}};
}

boost::system::result<request, refusal> parse_name(const json_member& name) {
    if (name.is_string) {
        if (auto wanted = decoded(name.text); is_valid_name(wanted))
            return request{name_request{.name = std::move(wanted)}};
    }
    return refusal{"bad_name",
                   fmt::format(R"("name" must be 1 to {} printable characters, not all blank)",
                               max_name_characters)};
}

/// Removes the first code point and returns it, or nothing if it is not valid UTF-8 (RFC 3629).
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

struct code_range {
    char32_t first, last;
};

/// Control characters, line ends, characters that change the direction of text, and noncharacters.
constexpr auto not_printable = std::to_array<code_range>({
    {0x0000, 0x001F},
    {0x007F, 0x009F},
    {0x061C, 0x061C},
    {0x200E, 0x200F},
    {0x2028, 0x202E},
    {0x2066, 0x2069},
    {0xFDD0, 0xFDEF},
});

/// Characters that are blank, or ignorable by default (Unicode, DerivedCoreProperties.txt). A name with
/// nothing else would be invisible. Inside a name they can be useful: they join several emoji into one.
constexpr auto invisible = std::to_array<code_range>({
    {0x0020, 0x0020},   {0x00A0, 0x00A0}, {0x00AD, 0x00AD}, {0x034F, 0x034F},   {0x115F, 0x1160},
    {0x1680, 0x1680},   {0x17B4, 0x17B5}, {0x180B, 0x180F}, {0x2000, 0x200D},   {0x202F, 0x202F},
    {0x205F, 0x206F},   {0x2800, 0x2800}, {0x3000, 0x3000}, {0x3164, 0x3164},   {0xFE00, 0xFE0F},
    {0xFEFF, 0xFEFF},   {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFB}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A},
    {0xE0000, 0xE0FFF},
});

bool is_in(std::span<const code_range> ranges, char32_t code) {
    return std::ranges::any_of(
        ranges, [code](code_range one) { return one.first <= code && code <= one.last; });
}

bool is_printable(char32_t code) {
    const bool ends_a_plane = (code & 0xFFFE) == 0xFFFE; // also a noncharacter
    return !ends_a_plane && !is_in(not_printable, code);
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
    std::array<json_member, 4> members{{{"type"}, {"text"}, {"ref"}, {"name"}}};
    const auto& [type, text, ref, name] = members;
    if (const auto error = read_members(payload, members))
        return refusal{"bad_json", fmt::format("not valid JSON: {}", error.message())};
    if (!type.is_string)
        return refusal{"bad_type", R"(expected an object such as {"type":"say","text":"hello"})"};
    const auto kind = decoded(type.text);
    if (kind == "say")
        return parse_say(text, ref);
    if (kind == "name")
        return parse_name(name);
    return refusal{"bad_type", R"("type" must be "say" or "name")"};
}

bool is_valid_name(std::string_view name) {
    std::size_t characters = 0;
    bool shows_something = false;
    while (!name.empty() && characters <= max_name_characters) {
        const auto code = next_code_point(name);
        if (!code || !is_printable(*code))
            return false;
        shows_something |= !is_in(invisible, *code);
        ++characters;
    }
    return shows_something && characters <= max_name_characters;
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
    text += R"("seq":)";
    append_number(text, seq);
    text += '}';
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

message_head::message_head(std::uint64_t seq) {
    const auto digits = std::ranges::copy(before_seq, text_.begin()).out;
    size_ = static_cast<std::size_t>(std::to_chars(digits, text_.end(), seq).ptr - text_.data());
}

std::string encode_message_rest(std::uint64_t id, std::string_view from, std::string_view text_json,
                                std::chrono::system_clock::time_point when) {
    std::string rest;
    rest.reserve(96 + from.size() + text_json.size());
    rest += R"(,"id":)";
    append_number(rest, id);
    rest += R"(,"from":)";
    append_json_string(rest, from);
    rest.append(R"(,"text":)").append(text_json) += R"(,"time":")";
    append_time(rest, when);
    rest += R"("})";
    return rest;
}

} // namespace chat
