// Reads the server's messages from the JSON of a text frame. Hundreds of thousands arrive per second, so
// the usual form is recognised without a JSON parser. Everything else goes through the parser. Pure
// functions.
#pragma once

#include "client/stamp.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace chat::load {

struct welcomed {
    std::uint64_t seq = 0; ///< newest message when the client joined
    std::string mutex;
    std::string guard;
};

struct said {
    std::uint64_t seq = 0;
    std::optional<stamp> mark; ///< empty if the message is not from this run
};

struct acknowledged {};

struct missed {
    std::uint64_t messages = 0;
};

struct refused {
    std::string code;
};

struct ignored {}; ///< `presence` and unknown types

struct unreadable {}; ///< not a JSON object with a type

using incoming = std::variant<said, acknowledged, ignored, welcomed, missed, refused, unreadable>;

incoming read_incoming(std::string_view run, std::string_view frame);

} // namespace chat::load
