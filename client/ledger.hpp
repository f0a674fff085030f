// Who is owed what. Every message of every sender is owed to every receiver, in order: the ledger
// counts what was delivered, lost, doubled or out of order for each (receiver, sender) pair, and
// how long each delivery took. One thread; no sockets, no clock of its own.
//
// Lost is what certainly does not come any more: a later message of the same sender came instead, the
// server refused it, or the server's own numbers show that it left it out. What has only not come yet
// is not lost, however long ago it was sent.
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

/// Numbers that were passed over, as ascending ranges.
class holes {
public:
    void add(std::uint32_t begin, std::uint32_t end) { ranges_.push_back({begin, end}); }

    /// Whether it was one; it is none any more.
    bool take(std::uint32_t number);

    /// How many numbers are missing.
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
    std::uint64_t expected = 0;  ///< for each message, the receivers that were there when it left
    std::uint64_t delivered = 0; ///< doubles not counted
    std::uint64_t duplicated = 0;
    std::uint64_t reordered = 0; ///< came after a later one of the same sender
    std::uint64_t invented = 0;  ///< carries our run, but we never sent it
    std::uint64_t answered = 0;  ///< messages that reached at least one receiver
    std::uint64_t in_flight = 0; ///< messages that a receiver who is still there has yet to get
};

class ledger {
public:
    ledger(std::uint32_t receivers, std::uint32_t senders);

    /// Only messages planned from here on count for the latencies; before that is warm-up.
    void measure_from(time_point start) { measured_from_ = start; }

    /// A message leaves now; returns its number.
    std::uint32_t send(std::uint32_t sender, time_point planned, time_point now);

    /// So many messages were planned for about this time, but the connection took no more: their wait
    /// counts, unanswered.
    void could_not_send(time_point planned, time_point now, std::uint64_t messages = 1);

    void deliver(std::uint32_t receiver, stamp mark, time_point now);

    /// The server did not take this message: nobody waits for it any more, and it is lost.
    void refuse(stamp mark, time_point now);

    /// The receiver's connection ended: nobody waits for what it was owed.
    void leave(std::uint32_t receiver, time_point now);

    /// The connection of a client that may be a sender ended. The server may never have seen what it
    /// had not yet acknowledged, the messages from `first` on: nobody waits for them.
    void abandon(std::uint32_t client, std::uint32_t first, time_point now);

    /// This receiver will never see so many messages in total: the server said so, or its numbers
    /// left them out.
    void miss(std::uint32_t receiver, std::uint64_t messages) { missed_[receiver] = messages; }

    /// The end: whatever is still in flight counts with the time it has waited so far.
    void give_up(time_point now);

    /// Since when messages are in flight and nobody has received any; nothing if none are.
    std::optional<time_point> waiting_since() const {
        return totals_.in_flight > 0 ? std::optional{waiting_since_} : std::nullopt;
    }

    /// True if there is anything in flight that may still come.
    bool is_awaiting() const;

    /// Deliveries that certainly do not come any more.
    std::uint64_t lost() const;

    const tally& totals() const { return totals_; }

    std::uint32_t receivers() const { return live_receivers_; }

    /// From the planned time to each delivery.
    const histogram& latency() const { return latency_; }

    /// From the moment it was really sent: hides the time it waited for its turn.
    const histogram& latency_from_send() const { return latency_from_send_; }

private:
    struct message {
        time_point planned;
        time_point sent;
        std::uint32_t owed; ///< receivers that have yet to get it
        bool answered = false;
    };

    struct sender_log {
        std::deque<message> open; ///< the oldest is still owed to somebody, or there is none
        std::uint32_t first_open = 0;
        std::vector<std::uint32_t> refused{};        ///< ascending
        std::optional<std::uint32_t> abandoned_from; ///< no more than this is waited for

        std::uint32_t sent() const { return first_open + static_cast<std::uint32_t>(open.size()); }

        std::uint64_t refused_from(std::uint32_t number) const;

        /// How many messages from this number on may still come.
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
    std::vector<std::uint32_t> next_;              ///< by pair: the number that should come next
    std::unordered_map<std::size_t, holes> holes_; ///< by pair; empty in a good run
    std::vector<bool> gone_;                       ///< by receiver
    std::unordered_map<std::uint32_t, std::uint64_t> missed_; ///< by receiver; empty in a good run
    std::uint32_t live_receivers_;
    time_point measured_from_{};
    time_point waiting_since_{};
    tally totals_;
    histogram latency_;
    histogram latency_from_send_;
};

} // namespace chat::load
