// Checks UTF-8 at the end of a message. Beast checks a text message as it arrives, but misses a
// character that is cut off at the end if the last fragment is empty.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace chat {

/// True if the text, which is otherwise valid UTF-8, ends inside a character.
inline bool ends_inside_character(std::string_view text) {
    constexpr std::size_t longest = 4;
    for (std::size_t back = 1; back <= std::min(text.size(), longest - 1); ++back) {
        const auto byte = static_cast<unsigned char>(text[text.size() - back]);
        if ((byte & 0xC0) == 0x80)
            continue; // not the first byte of a character
        const std::size_t size = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
        return size > back;
    }
    return false;
}

} // namespace chat
