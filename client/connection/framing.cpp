#include "client/connection/framing.hpp"

namespace chat::load {

namespace {

constexpr unsigned final_bit = 0x80;
constexpr unsigned reserved_bits = 0x70;
constexpr unsigned mask_bit = 0x80;

framed broken(const char* problem) {
    return {.state = framing::broken, .problem = problem};
}

bool is_known(unsigned op) {
    return op <= 2 || (op >= 8 && op <= 10);
}

/// Reads an integer in network byte order.
std::uint64_t big_endian(std::string_view bytes) {
    std::uint64_t value = 0;
    for (const char byte : bytes)
        value = value << 8 | static_cast<unsigned char>(byte);
    return value;
}

void append_big_endian(std::string& out, std::uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i)
        out += static_cast<char>(value >> (8 * i));
}

} // namespace

framed read_frame(std::string_view bytes, std::size_t max_size) {
    if (bytes.size() < 2)
        return {};
    const unsigned first = static_cast<unsigned char>(bytes[0]);
    const unsigned second = static_cast<unsigned char>(bytes[1]);
    const unsigned op = first & 0x0F;
    if ((first & reserved_bits) != 0 || !is_known(op))
        return broken("bytes that are not a WebSocket frame");
    if ((second & mask_bit) != 0)
        return broken("a masked frame from a server");
    if ((first & final_bit) == 0 || op == 0)
        return broken("a fragmented message");

    const unsigned short_length = second & 0x7F;
    const std::size_t length_bytes = short_length < 126 ? 0 : short_length == 126 ? 2 : 8;
    const auto header = 2 + length_bytes;
    if (bytes.size() < header)
        return {};
    const auto length =
        length_bytes == 0 ? short_length : big_endian(bytes.substr(2, length_bytes));
    if (length > max_size - header)
        return broken("a frame that is too big");
    if (bytes.size() < header + length)
        return {};
    return {.state = framing::whole,
            .content = {.op = static_cast<opcode>(op), .payload = bytes.substr(header, length)},
            .size = header + length};
}

void append_masked_frame(std::string& out, opcode op, std::string_view payload,
                         std::uint32_t mask) {
    out += static_cast<char>(final_bit | static_cast<unsigned>(op));
    if (payload.size() < 126) {
        out += static_cast<char>(mask_bit | payload.size());
    } else {
        const int length_bytes = payload.size() <= 0xFFFF ? 2 : 8;
        out += static_cast<char>(mask_bit | (length_bytes == 2 ? 126U : 127U));
        append_big_endian(out, payload.size(), length_bytes);
    }
    append_big_endian(out, mask, 4);
    for (std::size_t i = 0; i < payload.size(); ++i)
        out +=
            static_cast<char>(static_cast<unsigned char>(payload[i]) ^ (mask >> (8 * (3 - i % 4))));
}

} // namespace chat::load
