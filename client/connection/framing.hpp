// WebSocket frames (RFC 6455, section 5.2) as a client reads and writes them: unmasked in, masked
// out. Ours rather than Beast's, because one read often brings hundreds of frames, and Beast costs
// a coroutine's round trip for each of them. Pure functions over bytes.
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
    std::string_view payload; ///< points into the bytes that were read
};

enum class framing { whole, partial, broken };

struct framed {
    framing state = framing::partial;
    frame content{};
    std::size_t size = 0;     ///< of the whole frame, its header included
    const char* problem = ""; ///< what is wrong with a broken one
};

/// The frame that `bytes` begin with. A server neither masks nor (here) fragments.
framed read_frame(std::string_view bytes, std::size_t max_size);

/// Appends one frame, masked with `mask`.
void append_masked_frame(std::string& out, opcode op, std::string_view payload, std::uint32_t mask);

} // namespace chat::load
