// The stamp that makes each message of a run unique. It is at the start of the text:
// `load RUN SENDER NUMBER `, then filler. Plain ASCII that needs no escaping in JSON.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace chat::load {

struct stamp {
    std::uint32_t sender = 0;
    std::uint32_t number = 0; ///< counts this sender's messages from 0

    bool operator==(const stamp&) const = default;
};

/// Every stamp fits into this many bytes.
inline constexpr std::size_t min_message_bytes = 40;

/// Returns eight random characters that distinguish this run from other runs on the same server.
std::string new_run_id();

/// Returns the text of a message, `bytes` long.
std::string stamped_text(std::string_view run, stamp mark, std::size_t bytes);

/// Returns the stamp if the text belongs to this run.
std::optional<stamp> read_stamp(std::string_view run, std::string_view text);

} // namespace chat::load
