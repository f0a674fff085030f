// How often each limit of the server was hit since the start. A client learns of it from the answer it
// gets, the operator from these counts. The loop's thread counts, any thread reads.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace chat {

/// In the order of `limit_names`.
enum class limit : std::uint8_t {
    handshake_time,
    header_bytes,
    bad_request,
    origin,
    clients,
    clients_per_address,
    connections,
    connections_per_address,
    descriptors,
    message_bytes,
    message_rate,
    frame_flood, ///< control frames and empty fragments
    idle_time,
    write_time,
    history,
    replies,
    how_many, ///< the number of limits, not a limit
};

inline constexpr auto limit_names = std::to_array<std::string_view>(
    {"handshake_time", "header_bytes", "bad_request", "origin", "clients", "clients_per_address",
     "connections", "connections_per_address", "descriptors", "message_bytes", "message_rate",
     "frame_flood", "idle_time", "write_time", "history", "replies"});
static_assert(limit_names.size() == static_cast<std::size_t>(limit::how_many));

class limit_counts {
public:
    void add(limit which) {
        // There is one writer, so this needs no atomic read-modify-write.
        auto& count = counts_[static_cast<std::size_t>(which)];
        count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }

    [[nodiscard]] std::uint64_t of(limit which) const {
        return counts_[static_cast<std::size_t>(which)].load(std::memory_order_relaxed);
    }

private:
    std::array<std::atomic<std::uint64_t>, limit_names.size()> counts_{};
};

} // namespace chat
