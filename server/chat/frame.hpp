// WebSocket framing for the server's side (RFC 6455, section 5.2): unmasked, one frame per message.
// Beast makes its own frames (pong, close) and the handshake. A chat message is framed here once, and
// all its receivers share the frame.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace chat {

inline constexpr std::size_t max_frame_header = 10;

/// Writes the header of a text frame of `payload` bytes to `header`, and returns its size (2, 4 or
/// 10).
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

/// Returns the payload as one text frame.
inline std::string text_frame(std::string_view payload) {
    char header[max_frame_header];
    const auto size = write_text_header(header, payload.size());
    std::string frame;
    frame.reserve(size + payload.size());
    return frame.append(header, size).append(payload);
}

/// Returns a close frame. A reason longer than 123 bytes is cut.
inline std::string close_frame(std::uint16_t code, std::string_view reason) {
    constexpr std::size_t most = 123;
    reason = reason.substr(0, most);
    std::string frame{"\x88", 1};
    frame += static_cast<char>(2 + reason.size());
    frame += static_cast<char>(code >> 8);
    frame += static_cast<char>(code & 0xFF);
    return frame.append(reason);
}

/// Returns the size in bytes, including the header, of the unmasked frame that `bytes` starts with.
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

/// Where a send that stopped after `sent` bytes has cut a run of whole frames.
struct frame_cut {
    std::size_t frames = 0; ///< frames started: sent whole, or cut
    std::size_t end = 0;    ///< end of the last started frame; `[sent, end)` is its unsent rest
};

/// Finds the cut by walking the headers. O(frames sent).
inline frame_cut cut_frames(std::string_view frames, std::size_t sent) {
    frame_cut cut;
    while (cut.end < sent) {
        cut.end += frame_size(frames.substr(cut.end));
        ++cut.frames;
    }
    return cut;
}

} // namespace chat
