#include "client/ledger.hpp"

#include <algorithm>
#include <utility>

namespace chat::load {

bool holes::take(std::uint32_t number) {
    const auto hole = std::ranges::find_if(
        ranges_, [&](const range& r) { return r.begin <= number && number < r.end; });
    if (hole == ranges_.end())
        return false;
    const range behind{number + 1, hole->end};
    hole->end = number;
    if (behind.begin < behind.end)
        ranges_.insert(hole + 1, behind);
    return true;
}

ledger::ledger(std::uint32_t receivers, std::uint32_t senders)
    : senders_(senders)
    , next_(std::size_t{receivers} * senders)
    , gone_(receivers)
    , live_receivers_{receivers} {}

std::uint32_t ledger::send(std::uint32_t sender, time_point planned, time_point now) {
    auto& log = senders_[sender];
    const auto number = log.sent();
    log.open.push_back({.planned = planned, .sent = now, .owed = live_receivers_});
    ++totals_.sent;
    totals_.expected += live_receivers_;
    if (live_receivers_ == 0)
        drop_settled(log);
    else if (totals_.in_flight++ == 0)
        waiting_since_ = now;
    return number;
}

void ledger::could_not_send(time_point planned, time_point now) {
    if (planned >= measured_from_)
        latency_.record(now - planned, live_receivers_);
}

void ledger::deliver(std::uint32_t receiver, stamp mark, time_point now) {
    if (mark.sender >= senders_.size() || mark.number >= senders_[mark.sender].sent()) {
        ++totals_.invented;
        return;
    }
    waiting_since_ = now;
    const auto pair = pair_of(receiver, mark.sender);
    auto& next = next_[pair];
    if (mark.number < next) {
        take_late(pair, mark);
        return;
    }
    if (mark.number > next) {
        holes_[pair].add(next, mark.number);
        for (; next < mark.number; ++next)
            settle({mark.sender, next}, now);
    }
    ++next;
    ++totals_.delivered;
    if (auto* m = find_open(mark); m != nullptr && !std::exchange(m->answered, true))
        ++totals_.answered;
    settle(mark, now);
}

void ledger::take_late(std::size_t pair, stamp mark) {
    const auto passed_over = holes_.find(pair);
    if (passed_over != holes_.end() && passed_over->second.take(mark.number)) {
        ++totals_.reordered;
        ++totals_.delivered;
    } else {
        ++totals_.duplicated;
    }
}

void ledger::refuse(stamp mark, time_point now) {
    if (auto* m = find_open(mark); m != nullptr && m->owed > 0) {
        record(*m, now, m->owed - 1);
        m->owed = 1;
        settle(mark, now);
    }
}

void ledger::leave(std::uint32_t receiver, time_point now) {
    if (gone_[receiver])
        return;
    gone_[receiver] = true;
    --live_receivers_;
    for (std::uint32_t sender = 0; sender < senders_.size(); ++sender) {
        auto& next = next_[pair_of(receiver, sender)];
        for (const auto sent = senders_[sender].sent(); next < sent; ++next)
            settle({sender, next}, now);
    }
}

void ledger::give_up(time_point now) {
    for (const auto& log : senders_)
        for (const auto& m : log.open)
            record(m, now, m.owed);
}

ledger::message* ledger::find_open(stamp mark) {
    auto& log = senders_[mark.sender];
    const auto settled = mark.number < log.first_open || mark.number >= log.sent();
    return settled ? nullptr : &log.open[mark.number - log.first_open];
}

void ledger::settle(stamp mark, time_point now) {
    auto* m = find_open(mark);
    if (m == nullptr || m->owed == 0)
        return;
    record(*m, now, 1);
    if (--m->owed == 0) {
        --totals_.in_flight;
        drop_settled(senders_[mark.sender]);
    }
}

void ledger::record(const message& m, time_point now, std::uint64_t times) {
    if (m.planned < measured_from_ || times == 0)
        return;
    latency_.record(now - m.planned, times);
    latency_from_send_.record(now - m.sent, times);
}

void ledger::drop_settled(sender_log& log) {
    while (!log.open.empty() && log.open.front().owed == 0) {
        log.open.pop_front();
        ++log.first_open;
    }
}

} // namespace chat::load
