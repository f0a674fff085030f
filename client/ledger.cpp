#include "client/ledger.hpp"

#include <algorithm>
#include <utility>

namespace chat::load {

bool holes::take(std::uint32_t number) {
    const auto hole = std::ranges::find_if(
        ranges_, [&](const range& r) { return r.begin <= number && number < r.end; });
    if (hole == ranges_.end())
        return false;
    const range rest{number + 1, hole->end};
    hole->end = number;
    if (rest.begin < rest.end)
        ranges_.insert(hole + 1, rest);
    return true;
}

std::uint64_t holes::count() const {
    std::uint64_t numbers = 0;
    for (const auto& r : ranges_)
        numbers += r.end - r.begin;
    return numbers;
}

std::uint64_t ledger::sender_log::refused_from(std::uint32_t number) const {
    return static_cast<std::uint64_t>(refused.end() - std::ranges::lower_bound(refused, number));
}

std::uint64_t ledger::sender_log::awaited_from(std::uint32_t number) const {
    const auto end = abandoned_from.value_or(sent());
    if (number >= end)
        return 0;
    return end - number - (refused_from(number) - refused_from(end));
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

void ledger::could_not_send(time_point planned, time_point now, std::uint64_t messages) {
    if (planned >= measured_from_)
        latency_.record(now - planned, messages * live_receivers_);
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
    if (mark.sender >= senders_.size() || mark.number >= senders_[mark.sender].sent())
        return;
    auto& log = senders_[mark.sender];
    log.refused.push_back(mark.number);
    if (auto* m = find_open(mark)) {
        settle_for_all(*m, now);
        drop_settled(log);
    }
}

void ledger::abandon(std::uint32_t client, std::uint32_t first, time_point now) {
    if (client >= senders_.size())
        return;
    auto& log = senders_[client];
    log.abandoned_from = std::min(first, log.sent());
    for (auto number = std::max(first, log.first_open); number < log.sent(); ++number)
        settle_for_all(log.open[number - log.first_open], now);
    drop_settled(log);
}

void ledger::settle_for_all(message& m, time_point now) {
    if (m.owed == 0)
        return;
    record(m, now, m.owed);
    m.owed = 0;
    --totals_.in_flight;
}

std::uint64_t ledger::awaited_by(std::uint32_t receiver) const {
    std::uint64_t awaited = 0;
    for (std::uint32_t sender = 0; sender < senders_.size(); ++sender)
        awaited += senders_[sender].awaited_from(next_[pair_of(receiver, sender)]);
    return awaited;
}

/// Returns the announced misses minus the holes that later messages of the same senders have already shown.
std::uint64_t ledger::missed_without_trace(std::uint32_t receiver) const {
    const auto found = missed_.find(receiver);
    if (found == missed_.end())
        return 0;
    auto missed = found->second;
    for (std::uint32_t sender = 0; sender < senders_.size(); ++sender)
        if (const auto hole = holes_.find(pair_of(receiver, sender)); hole != holes_.end())
            missed -= std::min(missed, hole->second.count());
    return missed;
}

bool ledger::is_awaiting() const {
    if (totals_.in_flight == 0 || missed_.empty())
        return totals_.in_flight > 0;
    for (std::uint32_t receiver = 0; receiver < gone_.size(); ++receiver)
        if (!gone_[receiver] && awaited_by(receiver) > missed_without_trace(receiver))
            return true;
    return false;
}

std::uint64_t ledger::lost() const {
    std::uint64_t lost = 0;
    for (const auto& [pair, hole] : holes_)
        lost += hole.count();
    for (std::uint32_t receiver = 0; receiver < gone_.size(); ++receiver) {
        if (gone_[receiver])
            continue;
        for (std::uint32_t sender = 0; sender < senders_.size(); ++sender)
            lost += senders_[sender].refused_from(next_[pair_of(receiver, sender)]);
        if (!missed_.empty())
            lost += std::min(awaited_by(receiver), missed_without_trace(receiver));
    }
    return lost;
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
