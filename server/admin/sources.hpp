// Where the admin plane gets its data. serve.cpp plugs in the monitor and the ledger; tests plug in fakes. Every
// function is called on the watch thread, possibly while the loop is frozen, so it must not wait for the loop or
// take the chat lock.
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
    /// How many stalls with this verdict were reported.
    std::function<std::uint64_t(verdict)> stalls = [](verdict) { return std::uint64_t{0}; };
    /// How long the loop took to answer probes.
    std::function<histogram()> lag = [] { return histogram{}; };
    /// How long the current probe has been unanswered; 0 if it is answered.
    std::function<std::chrono::nanoseconds()> unanswered = [] {
        return std::chrono::nanoseconds{};
    };
    /// The holder and at most this many waiters.
    std::function<lock_snapshot(std::size_t)> lock = [](std::size_t) { return lock_snapshot{}; };
    /// The name of a client; empty if it is unknown.
    std::function<std::string(std::uint64_t)> name_of = [](std::uint64_t) { return std::string{}; };
};

/// Facts that do not change while the server runs.
struct server_facts {
    std::string version;
    std::string mutex;
    std::string guard;
    std::string chat_url;
    int pid = 0;
    std::chrono::system_clock::time_point started = std::chrono::system_clock::now();
};

} // namespace chat
