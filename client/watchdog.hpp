// Looks whether the server still lives: when messages are in flight and nobody receives any, it
// pings every client's connection and tries one more handshake. Loop thread only.
#pragma once

#include "client/bell.hpp"
#include "client/client.hpp"
#include "client/options.hpp"
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
    /// Rings `turn_of_events` when there is no use in going on (frozen or gone), and when the last
    /// sender's connection has ended.
    watchdog(run_context& run, std::deque<client>& clients, const server_address& server,
             const load_options& options, bell& turn_of_events);

    task<> watch();
    void stop();

    verdict outcome() const { return outcome_; }

    /// The freeze, or else the longest time of starving.
    const std::optional<silence>& longest() const { return longest_; }

    /// When it was judged that nothing moves and nothing has moved since.
    bool is_silent() const { return current_.has_value() && !current_->ended; }

    /// True if no sender is connected any more.
    bool nobody_talks() const { return nobody_talks_; }

private:
    task<> look_closer(time_point since);
    task<> try_one_more(std::uint32_t round);
    void look_for_senders();
    void note(const silence& seen);
    void note_end_of_silence();
    std::uint64_t clients_here() const;

    run_context& run_;
    std::deque<client>& clients_;
    const server_address& server_;
    std::uint32_t senders_;
    nanoseconds timeout_;
    bell& turn_of_events_;
    bell stopped_;
    bool stopping_ = false;
    bool nobody_talks_ = false;
    newcomer handshake_ = newcomer::timed_out;
    verdict outcome_ = verdict::alive;
    std::optional<silence> current_;
    std::optional<silence> longest_;
};

} // namespace chat::load
