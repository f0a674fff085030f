#include "server/chat/roster.hpp"

#include "server/chat/frame.hpp"
#include "server/chat/protocol.hpp"
#include "server/numbers/counters.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>

namespace chat {

namespace {

/// Each frame is a separate send, and ten thousand sends take a large part of a second.
constexpr std::size_t presence_at_once = 256;

std::chrono::microseconds presence_pause(std::size_t members) {
    constexpr std::chrono::microseconds least{250'000};
    constexpr std::chrono::microseconds for_each_member{100};
    return std::max<std::chrono::microseconds>(least, for_each_member * members);
}

} // namespace

roster::roster(loop_executor loop, std::chrono::milliseconds tick, session_names& names)
    : timer_{loop}
    , tick_{tick}
    , names_{names} {}

task<> roster::watch_over() {
    bool has_stood_still = false;
    while (!stopped_) {
        timer_.expires_after(tick_);
        co_await timer_.async_wait(asio::as_tuple(use_task));
        const auto now = session::clock::now();
        // After a standstill, data that arrived meanwhile must be read before limits are checked. But
        // not twice in a row, so that limits apply even if the loop is always late.
        const bool is_late = now - timer_.expiry() > tick_;
        has_stood_still = is_late && !has_stood_still;
        for (const auto& member : members_) {
            member->look_back(is_late, now);
            if (!has_stood_still)
                member->check_time_limits(now);
        }
        if (changed_ && now - last_presence_ >= presence_pause(members_.size())) {
            changed_ = false;
            last_presence_ = now;
            co_await send_presence();
        }
    }
}

void roster::stop() {
    stopped_ = true;
    timer_.cancel();
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

task<> roster::send_presence() {
    const auto frame = text_frame(encode_presence(members_.size()));
    // By index, because other tasks run meanwhile. If a member leaves and another is skipped, the
    // skipped member gets the next presence, which is sent because the member left.
    for (std::size_t i = 0; i < members_.size(); ++i) {
        members_[i]->out().set_presence(frame);
        members_[i]->out().flush();
        if (i % presence_at_once == presence_at_once - 1)
            co_await asio::post(timer_.get_executor(), use_task);
    }
}

void roster::wake_all() {
    // Nobody joins or leaves during this loop, because both happen in turns of their own. The data of a
    // thousand sessions exceeds the cache, so the next sessions are prefetched while this one takes its
    // news. Far ahead only the session itself is fetched, because following its pointers would have to
    // wait for it. (Slightly different distances perform the same.)
    constexpr std::size_t near = 4;
    constexpr std::size_t far = 10;
    const auto count = members_.size();
    for (std::size_t i = 0; i < count; ++i) {
        if (i + far < count)
            __builtin_prefetch(members_[i + far].get());
        if (i + near < count)
            members_[i + near]->prefetch();
        members_[i]->has_news.resume();
    }
}

void roster::dismiss_all() {
    for (const auto& member : members_)
        member->leave_when_delivered();
}

} // namespace chat
