#include "server/chat/roster.hpp"

#include "server/chat/frame.hpp"
#include "server/chat/protocol.hpp"
#include "server/numbers/counters.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>

namespace chat {

namespace {

/// Each presence frame is a send of its own. Ten thousand of them occupy the thread for a good part
/// of a second, so it takes a break after this many.
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
        // If the loop has stood still, skip one check, so that the input that arrived in the meantime is
        // read first. Never skip twice in a row: a loop that is always late must still enforce the limits.
        const bool is_late = now - timer_.expiry() > tick_;
        has_stood_still = is_late && !has_stood_still;
        for (const auto& member : members_) {
            member->look_back(is_late, now);
            if (!has_stood_still)
                member->check_time_limits(now);
        }
        if (changed_ && now - told_ >= presence_pause(members_.size())) {
            changed_ = false;
            told_ = now;
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
    // By index, because members may come and leave during the co_await. A leaving member can cause
    // another to be skipped, but it also causes the next presence, which reaches everybody.
    for (std::size_t i = 0; i < members_.size(); ++i) {
        members_[i]->out().set_presence(frame);
        members_[i]->out().flush();
        if (i % presence_at_once == presence_at_once - 1)
            co_await asio::post(timer_.get_executor(), use_task);
    }
}

void roster::wake_all() {
    // Nobody joins or leaves within this loop: both happen in turns of their own. A thousand sessions
    // do not fit into the cache, so the next ones are prefetched while this one takes its news. First
    // only the session object: following its pointers has to wait until it has arrived. (The distances
    // are not critical.)
    constexpr std::size_t near = 4;
    constexpr std::size_t far = 10;
    const auto count = members_.size();
    for (std::size_t i = 0; i < count; ++i) {
        if (i + far < count)
            __builtin_prefetch(members_[i + far].get());
        if (i + near < count)
            members_[i + near]->prefetch();
        members_[i]->progress.has_news.resume();
    }
}

void roster::dismiss_all() {
    for (const auto& member : members_)
        member->leave_when_delivered();
}

} // namespace chat
