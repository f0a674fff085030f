#include "client/talk.hpp"

#include "client/spawn.hpp"

#include <algorithm>

namespace chat::load {

namespace {

/// Above this many unsent bytes a connection gets no new messages: the server is not reading, and more
/// would only cost memory.
constexpr std::size_t max_backlog = 1 << 20;
constexpr std::chrono::milliseconds backlog_pause{5};
constexpr std::uint64_t most_at_once = 256;

} // namespace

talk::talk(run_context& run, std::deque<client>& clients, const load_options& options)
    : run_{run}
    , clients_{clients}
    , options_{options} {}

void talk::begin(time_point start, time_point stop) {
    start_ = start;
    stop_ = stop;
    for (std::uint32_t sender = 0; sender < options_.senders; ++sender)
        spawn(run_.loop, options_.rate > 0 ? run_open_loop(sender) : run_closed_loop(sender));
}

void talk::fall_silent() {
    silent_ = true;
    for (auto& one : clients_)
        one.turn().ring();
}

task<> talk::run_closed_loop(std::uint32_t sender) {
    auto& speaker = clients_[sender];
    while (may_speak(speaker)) {
        while (speaker.outstanding() < options_.window)
            speaker.say(clock::now(), options_.message_bytes);
        speaker.send_said();
        co_await speaker.turn().wait();
    }
}

task<> talk::run_open_loop(std::uint32_t sender) {
    auto& speaker = clients_[sender];
    const schedule plan{start_, options_.rate, options_.senders};
    std::uint64_t next = 0;
    while (may_speak(speaker)) {
        const auto now = clock::now();
        // A sender that is behind catches up in small steps, because other coroutines need the loop.
        const auto last = next + most_at_once;
        for (; next < last && plan.planned(sender, next) <= now &&
               speaker.link().backlog() < max_backlog;
             ++next)
            speaker.say(plan.planned(sender, next), options_.message_bytes);
        speaker.send_said();
        const auto due = std::max(plan.planned(sender, next), now + backlog_pause);
        const bool stuck = speaker.link().backlog() >= max_backlog;
        co_await speaker.turn().wait_until(
            std::min(stuck ? due : plan.planned(sender, next), stop_));
    }
    book_unsent(sender, plan, next);
}

/// Records the unsent messages in portions, because at a high rate there are too many to record singly.
void talk::book_unsent(std::uint32_t sender, const schedule& plan, std::uint64_t next) {
    constexpr std::uint64_t most_portions = 1000;
    const auto now = clock::now();
    const auto end = plan.planned_before(sender, std::min(stop_, now));
    if (next >= end)
        return;
    unsent_ += end - next;
    const auto portion = (end - next + most_portions - 1) / most_portions;
    while (next < end) {
        const auto messages = std::min(portion, end - next);
        run_.book.could_not_send(plan.planned(sender, next + messages / 2), now, messages);
        next += messages;
    }
}

} // namespace chat::load
