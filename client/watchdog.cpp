#include "client/watchdog.hpp"

#include "client/spawn.hpp"

#include <algorithm>
#include <utility>

namespace chat::load {

watchdog::watchdog(run_context& run, std::deque<client>& clients, server_address server,
                   nanoseconds timeout, bell& verdict_reached)
    : run_{run}
    , clients_{clients}
    , server_{std::move(server)}
    , timeout_{timeout}
    , verdict_reached_{verdict_reached}
    , stopped_{run.loop} {}

void watchdog::stop() {
    stopping_ = true;
    stopped_.ring();
}

task<> watchdog::watch() {
    const auto tick = std::min<nanoseconds>(timeout_ / 20, std::chrono::milliseconds{50});
    while (!stopping_ && outcome_ != verdict::frozen && outcome_ != verdict::gone) {
        co_await stopped_.wait_until(clock::now() + tick);
        const auto since = run_.book.waiting_since();
        if (current_ && since != current_->since)
            note_end_of_silence();
        if (clients_here() == 0 && !stopping_)
            outcome_ = verdict::gone;
        else if (since && clock::now() - *since >= timeout_ / 2)
            co_await look_closer(*since);
    }
    verdict_reached_.ring();
}

task<> watchdog::look_closer(time_point since) {
    ++run_.ping_round;
    run_.pongs = 0;
    handshake_ = handshake_outcome::timed_out;
    for (auto& one : clients_)
        one.ping();
    spawn(run_.loop, try_one_more(run_.ping_round));
    co_await stopped_.wait_until(clock::now() + timeout_ / 2);
    if (stopping_ || run_.book.waiting_since() != since)
        co_return;
    const evidence seen{.silent_for = clock::now() - since,
                        .clients = clients_here(),
                        .pongs = run_.pongs,
                        .handshake = handshake_};
    const auto outcome = judge(seen, timeout_);
    if (outcome != verdict::alive)
        note({.outcome = outcome,
              .seen = seen,
              .since = since,
              .ended = {},
              .answered = run_.book.totals().answered});
}

task<> watchdog::try_one_more(std::uint32_t round) {
    const auto result = co_await try_handshake(run_.loop, run_.sockets, server_, timeout_ / 2);
    if (round == run_.ping_round)
        handshake_ = result.outcome;
}

void watchdog::note(const silence& seen) {
    outcome_ = seen.outcome;
    current_ = seen;
    const bool worse = !longest_ || seen.outcome == verdict::frozen ||
                       seen.seen.silent_for > longest_->seen.silent_for;
    if (worse)
        longest_ = seen;
}

void watchdog::note_end_of_silence() {
    const auto now = clock::now();
    if (longest_ && longest_->since == current_->since) {
        longest_->ended = now;
        longest_->seen.silent_for = now - longest_->since;
    }
    current_.reset();
}

std::uint64_t watchdog::clients_here() const {
    return static_cast<std::uint64_t>(
        std::ranges::count_if(clients_, [](const client& one) { return one.is_here(); }));
}

} // namespace chat::load
