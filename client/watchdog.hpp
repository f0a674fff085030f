// Looks whether the server still lives: when messages are in flight and nobody receives any, it
// pings every client's connection and tries one more handshake. Loop thread only.
#pragma once

#include "client/bell.hpp"
#include "client/client.hpp"
#include "client/verdict.hpp"

#include <deque>
#include <optional>

namespace chat::load {

/// A time in which nobody received anything though messages were in flight.
struct silence {
    verdict outcome = verdict::starved;
    evidence seen;
    time_point since;
    std::optional<time_point> ended; ///< when messages came again
    std::uint64_t answered = 0;      ///< messages that had reached somebody by then
};

class watchdog {
public:
    /// Rings `verdict_reached` when there is no use in going on: frozen or gone.
    watchdog(run_context& run, std::deque<client>& clients, server_address server,
             nanoseconds timeout, bell& verdict_reached);

    task<> watch();
    void stop();

    verdict outcome() const { return outcome_; }

    /// The freeze, or else the longest time of starving.
    const std::optional<silence>& longest() const { return longest_; }

    /// When it was judged that nothing moves and nothing has moved since.
    bool is_silent() const { return current_.has_value() && !current_->ended; }

private:
    task<> look_closer(time_point since);
    task<> try_one_more(std::uint32_t round);
    void note(const silence& seen);
    void note_end_of_silence();
    std::uint64_t clients_here() const;

    run_context& run_;
    std::deque<client>& clients_;
    server_address server_;
    nanoseconds timeout_;
    bell& verdict_reached_;
    bell stopped_;
    bool stopping_ = false;
    handshake_outcome handshake_ = handshake_outcome::timed_out;
    verdict outcome_ = verdict::alive;
    std::optional<silence> current_;
    std::optional<silence> longest_;
};

} // namespace chat::load
