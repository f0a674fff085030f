// What the loop counts and the watch thread reads. There is one writer at a time, so an addition needs no atomic
// read-modify-write: it is a load, an add and a store. A process has one server, so the counters are global, like
// the log.
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
    counter clients; ///< connected now; all other counters only grow
    counter connections;
    counter messages;   ///< sent by clients
    counter deliveries; ///< messages handed to a client's socket
    counter received_bytes;
    counter sent_bytes;
    counter missed_messages;       ///< dropped from the buffer before a reader took them
    counter refused_messages;      ///< answered with an error
    counter refused_no_websocket;  ///< requests for another protocol or version
    counter refused_shutting_down; ///< requests during the shutdown
    limit_counts limit_hits;       ///< refused connections and closed clients, by limit
};

/// The counters of this server.
inline constinit counters counted;

} // namespace chat
