// The answer to Sec-WebSocket-Key (RFC 6455, section 1.3): base64 of the SHA-1 of the key and a fixed
// text. For the raw server, which uses no library; SHA-1 as in FIPS 180-4.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace chat::bench {

inline std::array<std::uint32_t, 5> sha1(std::string text) {
    std::array<std::uint32_t, 5> h{0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    const std::uint64_t bits = text.size() * 8;
    text += '\x80';
    text.resize((text.size() + 8 + 63) / 64 * 64 - 8, '\0');
    for (int shift = 56; shift >= 0; shift -= 8)
        text += static_cast<char>(bits >> shift);
    for (std::size_t block = 0; block < text.size(); block += 64) {
        std::array<std::uint32_t, 80> w{};
        for (std::size_t i = 0; i < 64; ++i)
            w[i / 4] = w[i / 4] << 8 | static_cast<unsigned char>(text[block + i]);
        for (std::size_t i = 16; i < 80; ++i)
            w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        auto [a, b, c, d, e] = h;
        for (std::size_t i = 0; i < 80; ++i) {
            const auto [f, k] = i < 20   ? std::pair{(b & c) | (~b & d), 0x5A827999U}
                                : i < 40 ? std::pair{b ^ c ^ d, 0x6ED9EBA1U}
                                : i < 60 ? std::pair{(b & c) | (b & d) | (c & d), 0x8F1BBCDCU}
                                         : std::pair{b ^ c ^ d, 0xCA62C1D6U};
            const auto next = std::rotl(a, 5) + f + e + k + w[i];
            e = d;
            d = c;
            c = std::rotl(b, 30);
            b = a;
            a = next;
        }
        h = {h[0] + a, h[1] + b, h[2] + c, h[3] + d, h[4] + e};
    }
    return h;
}

inline std::string websocket_accept(std::string_view key) {
    constexpr std::string_view digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const auto hash = sha1(std::string{key} + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    std::string out;
    // 20 bytes are 26 digits of 6 bits, the last with four zero bits, and one padding.
    for (std::size_t bit = 0; bit < 160; bit += 6) {
        unsigned digit = 0;
        for (std::size_t i = bit; i < bit + 6; ++i)
            digit = digit << 1 | (i < 160 ? hash[i / 32] >> (31 - i % 32) & 1 : 0);
        out += digits[digit];
    }
    return out + '=';
}

} // namespace chat::bench
