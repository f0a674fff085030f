// Gives chat-load any bytes as if a server had sent them. The same frames must be found however the
// bytes are cut, and reading their payloads must do no harm.
#include "client/connection/framing.hpp"
#include "client/incoming.hpp"
#include "tests/fuzz/require.hpp"

#include <algorithm>
#include <vector>

namespace {

using namespace chat::load;
using chat::fuzz::require;

constexpr std::size_t max_size = 4096;
constexpr std::string_view run = "r1";

struct result {
    std::vector<std::string> payloads;
    bool is_broken = false;
};

/// Reads the bytes in pieces of this size, as a connection does.
result read_in_pieces(std::string_view bytes, std::size_t piece) {
    result found;
    std::string unread;
    while (!bytes.empty() && !found.is_broken) {
        unread += bytes.substr(0, piece);
        bytes.remove_prefix(std::min(piece, bytes.size()));
        for (;;) {
            const auto next = read_frame(unread, max_size);
            found.is_broken = next.state == framing::broken;
            if (next.state != framing::whole)
                break;
            require(next.size <= unread.size() && next.size <= max_size,
                    "a frame lies within the bytes");
            require(next.content.payload.data() + next.content.payload.size() ==
                        unread.data() + next.size,
                    "the payload ends the frame");
            found.payloads.emplace_back(next.content.payload);
            unread.erase(0, next.size);
        }
    }
    return found;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
    const auto whole = read_in_pieces(bytes, size);
    const auto pieces = read_in_pieces(bytes, 1U + data[0] % 16);
    require(whole.payloads == pieces.payloads && whole.is_broken == pieces.is_broken,
            "the same frames are found however the bytes are cut");
    for (const auto& payload : whole.payloads)
        read_incoming(run, payload);
    read_incoming(run, bytes);

    std::string frame;
    append_masked_frame(frame, opcode::text, bytes, 0);
    require(frame.size() >= 4 && frame.ends_with(bytes), "a mask of zeros changes nothing");
    return 0;
}
