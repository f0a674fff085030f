#include "server/chat/roster.hpp"

#include "server/chat/frame.hpp"
#include "server/chat/protocol.hpp"
#include "server/watch/counters.hpp"

#include <boost/asio/as_tuple.hpp>

#include <algorithm>

namespace chat {

namespace {

constexpr std::chrono::milliseconds presence_pause{250};

} // namespace

roster::roster(loop_executor loop, std::size_t max_clients, std::chrono::milliseconds tick,
               session_names& names)
    : timer_{loop}
    , tick_{tick}
    , max_clients_{max_clients}
    , names_{names} {}

task<> roster::watch_over() {
    while (!stopped_) {
        timer_.expires_after(tick_);
        co_await timer_.async_wait(asio::as_tuple(use_task));
        const auto now = session::clock::now();
        if (changed_ && now - told_ >= presence_pause) {
            changed_ = false;
            told_ = now;
            tell_presence();
        }
        for (const auto& member : members_)
            member->check_time_limits(now);
    }
}

void roster::stop() {
    stopped_ = true;
    timer_.cancel();
}

bool roster::admit() {
    if (places_taken_ >= max_clients_)
        return false;
    ++places_taken_;
    return true;
}

void roster::add(std::shared_ptr<session> member) {
    members_.push_back(std::move(member));
    counted.clients.set(members_.size());
    changed_ = true;
}

void roster::remove(const session& member) {
    const auto found = std::ranges::find(members_, &member, &std::shared_ptr<session>::get);
    if (found == members_.end())
        return;
    *found = std::move(members_.back());
    members_.pop_back();
    counted.clients.set(members_.size());
    changed_ = true;
}

void roster::tell_presence() {
    const auto frame = text_frame(encode_presence(members_.size()));
    for (const auto& member : members_) {
        member->out().set_presence(frame);
        member->out().flush();
    }
}

void roster::wake_all() {
    // No one joins or leaves within this loop: both are turns of their own. What a thousand sessions
    // keep is more than the cache holds, so the next ones are fetched while this one sends.
    constexpr std::size_t ahead = 2;
    const auto count = members_.size();
    for (std::size_t i = 0; i < count; ++i) {
        if (i + ahead < count)
            members_[i + ahead]->prefetch();
        members_[i]->news.resume();
    }
}

void roster::dismiss_all() {
    for (const auto& member : members_)
        member->leave_when_delivered();
}

void roster::abort_all() {
    for (const auto& member : members_)
        member->abort();
}

} // namespace chat
