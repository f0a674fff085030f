#include "client/foreign_text.hpp"

#include <spdlog/fmt/fmt.h>

#include <cstdint>
#include <iterator>
#include <optional>

namespace chat::load {

namespace {

struct character {
    std::uint32_t code = 0;
    std::size_t size = 0;
};

std::size_t size_by_first_byte(unsigned char byte) {
    if (byte < 0x80)
        return 1;
    if (byte < 0xC2 || byte > 0xF4)
        return 0;
    return byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

/// Returns the first character, or nothing if the text does not start with valid UTF-8.
std::optional<character> first_character(std::string_view text) {
    const auto first = static_cast<unsigned char>(text.front());
    const auto size = size_by_first_byte(first);
    if (size == 0 || text.size() < size)
        return {};
    std::uint32_t code = size == 1 ? first : first & (0x7FU >> size);
    for (const char next : text.substr(1, size - 1)) {
        const auto byte = static_cast<unsigned char>(next);
        if ((byte & 0xC0) != 0x80)
            return {};
        code = code << 6 | (byte & 0x3FU);
    }
    const bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    if (overlong || surrogate || code > 0x10FFFF)
        return {};
    return character{.code = code, .size = size};
}

/// True if a terminal would act on the character instead of showing it: control characters, line ends,
/// and characters that change the text direction.
bool is_command(std::uint32_t code) {
    return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x061C || code == 0x200E ||
           code == 0x200F || (code >= 0x2028 && code <= 0x202E) ||
           (code >= 0x2066 && code <= 0x2069);
}

unsigned as_byte(char c) {
    return static_cast<unsigned char>(c);
}

} // namespace

std::string visible(std::string_view text) {
    std::string out;
    const auto end = std::back_inserter(out);
    while (!text.empty()) {
        const auto next = first_character(text);
        if (!next || (next->size == 1 && is_command(next->code)))
            fmt::format_to(end, "\\x{:02x}", as_byte(text.front()));
        else if (is_command(next->code))
            fmt::format_to(end, "\\u{{{:x}}}", next->code);
        else
            out += text.substr(0, next->size);
        text.remove_prefix(next ? next->size : 1);
    }
    return out;
}

std::string with_valid_utf8(std::string_view json) {
    std::string out;
    out.reserve(json.size());
    while (!json.empty()) {
        const auto next = first_character(json);
        if (next)
            out += json.substr(0, next->size);
        else // in JSON, two backslashes stand for one
            fmt::format_to(std::back_inserter(out), "\\\\x{:02x}", as_byte(json.front()));
        json.remove_prefix(next ? next->size : 1);
    }
    return out;
}

std::string shortened(std::string_view text) {
    constexpr std::size_t most = 200;
    return std::string{text.substr(0, most)};
}

} // namespace chat::load
