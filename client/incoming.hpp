// What the server says, read from the JSON of a text frame. The messages of a run come by the
// hundred thousand a second, so the form in which the server writes them is recognised without a
// JSON parser; everything else takes the slow way. Pure functions.
#pragma once

#include "client/stamp.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace chat::load {

struct welcomed {
    std::uint64_t seq = 0; ///< newest message when we joined
    std::string mutex;
    std::string guard;
};

struct said {
    std::uint64_t seq = 0;
    std::optional<stamp> mark; ///< nothing when it is not of this run
};

struct acknowledged {};

struct missed {
    std::uint64_t messages = 0;
};

struct refused {
    std::string code;
};

struct ignored {}; ///< `presence`, and types that we do not know

struct unreadable {}; ///< no JSON object with a type

using incoming = std::variant<said, acknowledged, ignored, welcomed, missed, refused, unreadable>;

incoming read_incoming(std::string_view run, std::string_view frame);

} // namespace chat::load
