// What the loop counts: it adds here, the watch thread reads. One writer at a time, so that no atomic
// read-modify-write is needed: an addition is a load, an add and a store. One server a process, so
// these are global, as the log is.
#pragma once

#include "server/numbers/limits.hpp"

#include <atomic>
#include <cstdint>

namespace chat {

/// Written by one thread at a time, read by any.
class counter {
public:
    void add(std::uint64_t more = 1) noexcept { set(read() + more); }

    void set(std::uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }

    [[nodiscard]] std::uint64_t read() const noexcept {
        return value_.load(std::memory_order_relaxed);
    }

private:
    std::atomic<std::uint64_t> value_{0};
};

struct counters {
    counter clients; ///< how many take part now; the others only ever grow
    counter connections;
    counter messages;   ///< said by someone
    counter deliveries; ///< messages handed to a client's socket
    counter received_bytes;
    counter sent_bytes;
    counter missed_messages;       ///< left the ring before a reader took them
    counter refused_messages;      ///< answered with an error
    counter refused_no_websocket;  ///< requests for another protocol, or another version of it
    counter refused_shutting_down; ///< requests that came too late
    limit_counts struck;           ///< connections that were not let in, clients that were closed
};

/// The server's.
inline constinit counters counted;

} // namespace chat
