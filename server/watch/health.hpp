// The condition of the loop and its lock, as the watch thread sees it. Plain values, without Asio.
#pragma once

#include <array>
#include <chrono>
#include <string_view>

namespace chat {

enum class condition {
    alive,   ///< the loop turns (if it is slow, the verdict is `congested`)
    stalled, ///< the loop's thread does not return to the loop
    starved, ///< the loop turns, but the chat lock does not change hands
};

enum class verdict { alive, deadlock, blocked, spinning, congested, starved };

/// Every verdict that is reported.
inline constexpr std::array reported_verdicts{
    verdict::deadlock, verdict::blocked, verdict::spinning, verdict::congested, verdict::starved};

struct health {
    chat::condition condition = condition::alive;
    chat::verdict verdict = verdict::alive;
    std::chrono::milliseconds for_ms{}; ///< how long this has lasted; 0 if alive
};

constexpr std::string_view to_string(condition which) {
    switch (which) {
    case condition::stalled:
        return "stalled";
    case condition::starved:
        return "starved";
    case condition::alive:
        break;
    }
    return "alive";
}

constexpr std::string_view to_string(verdict which) {
    switch (which) {
    case verdict::deadlock:
        return "deadlock";
    case verdict::blocked:
        return "blocked";
    case verdict::spinning:
        return "spinning";
    case verdict::congested:
        return "congested";
    case verdict::starved:
        return "starved";
    case verdict::alive:
        break;
    }
    return "alive";
}

/// The condition that a verdict implies. A congested loop moves, so it is alive.
constexpr condition condition_of(verdict which) {
    switch (which) {
    case verdict::deadlock:
    case verdict::blocked:
    case verdict::spinning:
        return condition::stalled;
    case verdict::starved:
        return condition::starved;
    case verdict::alive:
    case verdict::congested:
        break;
    }
    return condition::alive;
}

} // namespace chat
