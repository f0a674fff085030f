// Where the admin plane gets what it shows: whoever builds the server plugs in monitor and ledger,
// and tests plug in what they like. Every function is called on the watch thread, while the loop
// may be frozen: none may wait for the loop or take the chat lock.
#pragma once

#include "server/numbers/histogram.hpp"
#include "server/sync/lock_ledger.hpp"
#include "server/watch/health.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace chat {

struct admin_sources {
    std::function<chat::health()> health = [] { return chat::health{}; };
    /// The last stall report, as JSON.
    std::function<std::optional<std::string>()> last_report = [] { return std::nullopt; };
    /// How many stalls of that kind were reported.
    std::function<std::uint64_t(verdict)> stalls = [](verdict) { return std::uint64_t{0}; };
    /// How long the loop took to come to what was posted to it.
    std::function<histogram()> lag = [] { return histogram{}; };
    /// How long it owes an answer to that.
    std::function<std::chrono::nanoseconds()> unanswered = [] {
        return std::chrono::nanoseconds{};
    };
    /// Holder and at most so many waiters.
    std::function<lock_snapshot(std::size_t)> lock = [](std::size_t) { return lock_snapshot{}; };
    /// A client's name, empty when it is unknown.
    std::function<std::string(std::uint64_t)> name_of = [](std::uint64_t) { return std::string{}; };
};

/// What does not change while the server runs.
struct server_facts {
    std::string version;
    std::string mutex;
    std::string guard;
    std::string chat_url;
    int pid = 0;
    std::chrono::system_clock::time_point started = std::chrono::system_clock::now();
};

} // namespace chat
