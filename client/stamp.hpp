// What makes each message of a run unique, written at the start of its text:
// `load RUN SENDER NUMBER `, then filler. Plain ASCII that JSON need not escape.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace chat::load {

struct stamp {
    std::uint32_t sender = 0;
    std::uint32_t number = 0; ///< of this sender, from 0

    bool operator==(const stamp&) const = default;
};

/// Any stamp fits into this many bytes.
inline constexpr std::size_t min_message_bytes = 40;

/// Eight characters that tell this run from all others that talk to the same server.
std::string new_run_id();

/// The text of a message, `bytes` long.
std::string stamped_text(std::string_view run, stamp mark, std::size_t bytes);

/// The stamp, if the text is of this run.
std::optional<stamp> read_stamp(std::string_view run, std::string_view text);

} // namespace chat::load
