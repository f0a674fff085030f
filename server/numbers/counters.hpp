// The counters of the server: the loop adds, the watch thread reads. Only one thread writes at a time,
// so an addition needs no atomic read-modify-write. The counters are global, like the log, because a
// process runs one server.
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
    counter clients; ///< in the chat now; all other counters only grow
    counter connections;
    counter messages;   ///< sent by clients
    counter deliveries; ///< messages handed to a client's socket
    counter received_bytes;
    counter sent_bytes;
    counter missed_messages;       ///< left the ring before a client read them
    counter refused_messages;      ///< answered with an error
    counter refused_no_websocket;  ///< requests for another protocol, or another version of it
    counter refused_shutting_down; ///< requests during a shutdown
    limit_counts struck;           ///< how often each limit was hit
};

/// The counters of this process.
inline constinit counters counted;

} // namespace chat
