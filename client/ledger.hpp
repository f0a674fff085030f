// Tracks deliveries. Every receiver must get every message of every sender, in order. For each
// (receiver, sender) pair the ledger counts messages that were delivered, lost, duplicated or out of
// order, and it measures how long each delivery took. One thread, no sockets; callers pass the time.
//
// A message counts as lost only if it certainly will not arrive: a later message of the same sender
// arrived instead, the server refused the message, or the server's sequence numbers skip it. A message
// that has not arrived yet is not lost, however long ago it was sent.
#pragma once

#include "client/histogram.hpp"
#include "client/stamp.hpp"
#include "client/time.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

namespace chat::load {

/// Skipped message numbers, as ascending ranges.
class holes {
public:
    void add(std::uint32_t begin, std::uint32_t end) { ranges_.push_back({begin, end}); }

    /// Removes the number from the holes. True if the number was in a hole.
    bool take(std::uint32_t number);

    /// Returns how many numbers are missing.
    std::uint64_t count() const;

private:
    struct range {
        std::uint32_t begin;
        std::uint32_t end;
    };

    std::vector<range> ranges_;
};

struct tally {
    std::uint64_t sent = 0;
    std::uint64_t expected = 0;  ///< for each message, the receivers connected when it was sent
    std::uint64_t delivered = 0; ///< without duplicates
    std::uint64_t duplicated = 0;
    std::uint64_t reordered = 0; ///< arrived after a later message of the same sender
    std::uint64_t invented = 0;  ///< has our run id, but was never sent
    std::uint64_t answered = 0;  ///< messages that at least one receiver got
    std::uint64_t in_flight = 0; ///< messages that a connected receiver is still waiting for
};

class ledger {
public:
    ledger(std::uint32_t receivers, std::uint32_t senders);

    /// Starts measuring: messages planned before `start` are warm-up and do not count in the latencies.
    void measure_from(time_point start) { measured_from_ = start; }

    /// Records that a message is being sent, and returns its number.
    std::uint32_t send(std::uint32_t sender, time_point planned, time_point now);

    /// Records messages that were due at about this time but could not be sent, because the connection
    /// was full. Their waiting time counts in the latencies.
    void could_not_send(time_point planned, time_point now, std::uint64_t messages = 1);

    void deliver(std::uint32_t receiver, stamp mark, time_point now);

    /// Records that the server refused this message: it is lost, and no receiver waits for it.
    void refuse(stamp mark, time_point now);

    /// Records that the receiver's connection ended: its pending deliveries are settled.
    void leave(std::uint32_t receiver, time_point now);

    /// Records that the connection of a client, perhaps a sender, ended. The server has not acknowledged
    /// the messages from number `first` on and may never have seen them, so no receiver waits for them.
    void abandon(std::uint32_t client, std::uint32_t first, time_point now);

    /// Sets the total number of messages that this receiver will never get: the server announced the
    /// gap, or its sequence numbers skip them.
    void miss(std::uint32_t receiver, std::uint64_t messages) { missed_[receiver] = messages; }

    /// Ends the run: messages still in flight count with their waiting time so far.
    void give_up(time_point now);

    /// Returns since when messages have been in flight without any delivery; nothing if none is in flight.
    std::optional<time_point> waiting_since() const {
        return totals_.in_flight > 0 ? std::optional{waiting_since_} : std::nullopt;
    }

    /// True if a message in flight may still arrive.
    bool is_awaiting() const;

    /// Returns the number of deliveries that will certainly not happen.
    std::uint64_t lost() const;

    const tally& totals() const { return totals_; }

    std::uint32_t receivers() const { return live_receivers_; }

    /// Time from the planned send time to each delivery.
    const histogram& latency() const { return latency_; }

    /// Time from the actual send: hides how long a message waited to be sent.
    const histogram& latency_from_send() const { return latency_from_send_; }

private:
    struct message {
        time_point planned;
        time_point sent;
        std::uint32_t owed; ///< receivers still waiting for it
        bool answered = false;
    };

    struct sender_log {
        std::deque<message> open; ///< empty, or a receiver is still waiting for the first one
        std::uint32_t first_open = 0;
        std::vector<std::uint32_t> refused{};        ///< ascending
        std::optional<std::uint32_t> abandoned_from; ///< no receiver waits from this number on

        std::uint32_t sent() const { return first_open + static_cast<std::uint32_t>(open.size()); }

        std::uint64_t refused_from(std::uint32_t number) const;

        /// Returns how many messages from this number on may still arrive.
        std::uint64_t awaited_from(std::uint32_t number) const;
    };

    message* find_open(stamp mark);
    void settle(stamp mark, time_point now);
    void record(const message& m, time_point now, std::uint64_t times);
    void take_late(std::size_t pair, stamp mark);
    void drop_settled(sender_log& log);
    void settle_for_all(message& m, time_point now);
    std::uint64_t awaited_by(std::uint32_t receiver) const;
    std::uint64_t missed_without_trace(std::uint32_t receiver) const;

    std::size_t pair_of(std::uint32_t receiver, std::uint32_t sender) const {
        return std::size_t{receiver} * senders_.size() + sender;
    }

    std::vector<sender_log> senders_;
    std::vector<std::uint32_t> next_;                         ///< by pair: the next expected number
    std::unordered_map<std::size_t, holes> holes_;            ///< by pair; empty in a good run
    std::vector<bool> gone_;                                  ///< by receiver
    std::unordered_map<std::uint32_t, std::uint64_t> missed_; ///< by receiver; empty in a good run
    std::uint32_t live_receivers_;
    time_point measured_from_{};
    time_point waiting_since_{};
    tally totals_;
    histogram latency_;
    histogram latency_from_send_;
};

} // namespace chat::load
