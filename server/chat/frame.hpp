// Frames everything that the chat itself sends (RFC 6455, section 5.2): unmasked, one frame per
// message. A message is framed here once, and all clients are sent the same bytes. Beast frames its
// own pongs and close frames.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace chat {

inline constexpr std::size_t max_frame_header = 10;

/// Writes the header of a text frame with `payload` bytes. Returns the size of the header: 2, 4 or 10.
inline std::size_t write_text_header(char* header, std::uint64_t payload) {
    constexpr char final_text = '\x81';
    header[0] = final_text;
    if (payload < 126) {
        header[1] = static_cast<char>(payload);
        return 2;
    }
    const int length_bytes = payload <= 0xFFFF ? 2 : 8;
    header[1] = static_cast<char>(length_bytes == 2 ? 126 : 127);
    for (int i = 0; i < length_bytes; ++i)
        header[2 + i] = static_cast<char>(payload >> (8 * (length_bytes - 1 - i)));
    return 2 + static_cast<std::size_t>(length_bytes);
}

/// Makes a text frame with this payload.
inline std::string text_frame(std::string_view payload) {
    char header[max_frame_header];
    const auto size = write_text_header(header, payload.size());
    std::string frame;
    frame.reserve(size + payload.size());
    return frame.append(header, size).append(payload);
}

/// Makes a close frame. Only the first 123 bytes of the reason fit into it.
inline std::string close_frame(std::uint16_t code, std::string_view reason) {
    constexpr std::size_t most = 123;
    reason = reason.substr(0, most);
    std::string frame{"\x88", 1};
    frame += static_cast<char>(2 + reason.size());
    frame += static_cast<char>(code >> 8);
    frame += static_cast<char>(code & 0xFF);
    return frame.append(reason);
}

/// Returns the size, with its header, of the unmasked frame at the start of `bytes`. Its header must be
/// complete.
inline std::size_t frame_size(std::string_view bytes) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    const std::size_t length = byte(1) & 0x7F;
    if (length < 126)
        return 2 + length;
    const std::size_t length_bytes = length == 126 ? 2 : 8;
    std::size_t payload = 0;
    for (std::size_t i = 0; i < length_bytes; ++i)
        payload = payload << 8 | byte(2 + i);
    return 2 + length_bytes + payload;
}

/// Where a send stopped in a run of frames.
struct frame_cut {
    std::size_t frames = 0; ///< how many frames were sent, whole or cut
    std::size_t end = 0; ///< where the last of them ends: `[sent, end)` is the rest of a cut frame
};

/// Finds the cut after `sent` bytes of a run of whole frames. Walks the headers, O(frames sent).
inline frame_cut cut_frames(std::string_view frames, std::size_t sent) {
    frame_cut cut;
    while (cut.end < sent) {
        cut.end += frame_size(frames.substr(cut.end));
        ++cut.frames;
    }
    return cut;
}

} // namespace chat
