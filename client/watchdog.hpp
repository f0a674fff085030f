// Checks whether the server is still alive: if messages are in flight and no client receives any, the
// watchdog sends a ping on every connection and tries one more handshake. Loop thread only.
#pragma once

#include "client/bell.hpp"
#include "client/client.hpp"
#include "client/options.hpp"
#include "client/verdict.hpp"

#include <deque>
#include <optional>

namespace chat::load {

/// A period in which no client received anything although messages were in flight.
struct silence {
    verdict outcome = verdict::starved;
    evidence seen;
    time_point since;
    std::optional<time_point> ended; ///< when messages arrived again
    std::uint64_t answered = 0;      ///< messages that at least one client had received by then
};

class watchdog {
public:
    /// Rings `turn_of_events` when continuing is pointless (frozen or gone), and when the last sender's
    /// connection has ended.
    watchdog(run_context& run, std::deque<client>& clients, const server_address& server,
             const load_options& options, bell& turn_of_events);

    task<> watch();
    void stop();

    verdict outcome() const { return outcome_; }

    /// Returns the freeze, or else the longest period of starvation.
    const std::optional<silence>& longest() const { return longest_; }

    /// True if the server was judged frozen or starved and no message has arrived since.
    bool is_silent() const { return current_.has_value() && !current_->ended; }

    /// True if no sender is connected any more.
    bool has_no_sender() const { return has_no_sender_; }

private:
    task<> look_closer(time_point since);
    task<> try_handshake(std::uint32_t round);
    void look_for_senders();
    void note(const silence& seen);
    void note_end_of_silence();
    std::uint64_t connected_clients() const;

    run_context& run_;
    std::deque<client>& clients_;
    const server_address& server_;
    std::uint32_t senders_;
    nanoseconds timeout_;
    bell& turn_of_events_;
    bell stopped_;
    bool stopping_ = false;
    bool has_no_sender_ = false;
    newcomer handshake_ = newcomer::timed_out;
    verdict outcome_ = verdict::alive;
    std::optional<silence> current_;
    std::optional<silence> longest_;
};

} // namespace chat::load
