// WebSocket frames (RFC 6455, section 5.2) on the client side: reads unmasked frames and writes masked
// ones. Beast is not used here, because one read often brings hundreds of frames and Beast would cost a
// coroutine resumption per frame. Pure functions over bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace chat::load {

enum class opcode : std::uint8_t {
    continuation = 0,
    text = 1,
    binary = 2,
    close = 8,
    ping = 9,
    pong = 10
};

struct frame {
    opcode op{};
    std::string_view payload; ///< points into the bytes passed to read_frame()
};

enum class framing { whole, partial, broken };

struct framed {
    framing state = framing::partial;
    frame content{};
    std::size_t size = 0;     ///< of the whole frame, including the header
    const char* problem = ""; ///< why the frame is broken
};

/// Reads the frame at the start of `bytes`. A masked or fragmented frame is broken: servers never mask,
/// and this server never fragments.
framed read_frame(std::string_view bytes, std::size_t max_size);

/// Appends one frame, masked with `mask`.
void append_masked_frame(std::string& out, opcode op, std::string_view payload, std::uint32_t mask);

} // namespace chat::load
