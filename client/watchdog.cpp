#include "client/watchdog.hpp"

#include "client/spawn.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <functional>
#include <utility>

namespace chat::load {

namespace {

newcomer describe(handshake_outcome outcome) {
    switch (outcome) {
    case handshake_outcome::completed:
        return newcomer::completed;
    case handshake_outcome::refused:
        return newcomer::refused;
    case handshake_outcome::timed_out:
        return newcomer::timed_out;
    case handshake_outcome::rejected:
        return newcomer::rejected;
    case handshake_outcome::broken:
        break;
    }
    return newcomer::broken;
}

} // namespace

watchdog::watchdog(run_context& run, std::deque<client>& clients, const server_address& server,
                   const load_options& options, bell& turn_of_events)
    : run_{run}
    , clients_{clients}
    , server_{server}
    , senders_{options.senders}
    , timeout_{options.timeout}
    , turn_of_events_{turn_of_events}
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
        if (connected_clients() == 0 && !stopping_)
            outcome_ = verdict::gone;
        else if (since && clock::now() - *since >= timeout_ / 2 && run_.book.is_awaiting())
            co_await look_closer(*since);
        look_for_senders();
    }
    turn_of_events_.ring();
}

void watchdog::look_for_senders() {
    const auto end = clients_.begin() + senders_;
    if (has_no_sender_ || std::any_of(clients_.begin(), end, std::mem_fn(&client::is_connected)))
        return;
    has_no_sender_ = true;
    turn_of_events_.ring();
}

task<> watchdog::look_closer(time_point since) {
    ++run_.ping_round;
    run_.pongs = 0;
    handshake_ = newcomer::timed_out;
    for (auto& one : clients_)
        one.ping();
    spawn(run_.loop, try_handshake(run_.ping_round));
    co_await stopped_.wait_until(clock::now() + timeout_ / 2);
    if (stopping_ || run_.book.waiting_since() != since)
        co_return;
    const evidence seen{.silent_for = clock::now() - since,
                        .clients = connected_clients(),
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

task<> watchdog::try_handshake(std::uint32_t round) {
    const auto deadline = clock::now() + timeout_ / 2;
    const auto note = [this, round](newcomer seen) {
        if (round == run_.ping_round)
            handshake_ = seen;
    };
    connection probe{run_.loop, run_.sockets, run_.shared};
    const auto result =
        co_await probe.open(server_, server_.target("load-probe"), deadline - clock::now());
    const bool is_ours = result.software == run_.software;
    const bool completed = result.outcome == handshake_outcome::completed;
    note(completed && !is_ours ? newcomer::elsewhere : describe(result.outcome));
    if (completed && is_ours && co_await probe.receives_text(deadline - clock::now()))
        note(newcomer::welcomed);
    probe.send_close();
    probe.drop();
    // A pending write of `probe` ends in a handler that is already queued and still uses `probe`.
    co_await asio::post(run_.loop.get_executor(), use_task);
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

std::uint64_t watchdog::connected_clients() const {
    return static_cast<std::uint64_t>(
        std::ranges::count_if(clients_, [](const client& one) { return one.is_connected(); }));
}

} // namespace chat::load
