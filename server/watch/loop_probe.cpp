#include "server/watch/loop_probe.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>

namespace chat {

using std::chrono::milliseconds;

loop_probe::loop_probe(loop_executor loop, const lock_ledger& chat_lock, milliseconds stall_after)
    : loop_{loop}
    , chat_lock_{chat_lock}
    , stall_after_{stall_after}
    , turning_since_{clock::now()} {
    ask(turning_since_);
}

void loop_probe::ask(clock::time_point now) {
    answered_ = false;
    asked_at_ = moved_at_ = now;
    handlers_then_ = handlers_when_asked_ = thread_.handlers_ended();
    cpu_then_ = thread_.cpu_time();
    question_->answered_at.store(0, std::memory_order_relaxed);
    asio::post(loop_, [asked = question_] {
        asked->answered_at.store(clock::now().time_since_epoch().count(),
                                 std::memory_order_release);
    });
}

void loop_probe::take_answer(clock::time_point now) {
    const auto at = question_->answered_at.load(std::memory_order_acquire);
    if (at == 0)
        return;
    answered_ = true;
    const auto lag = clock::time_point{clock::duration{at}} - asked_at_;
    lag_.record_with_missed(lag, period());
    if (lag >= stall_after_)
        excuse(lag, now);
}

void loop_probe::forgive(clock::duration late, clock::time_point now) {
    moved_at_ += late;
    excuse(late, now);
}

// Does not count time when the loop was not running as time the lock was stuck. Restarting the count
// instead would never call a lock starved on a machine where such times are frequent.
void loop_probe::excuse(clock::duration lost, clock::time_point now) {
    const auto still_since = chat_lock_.stuck_since().value_or(turning_since_);
    turning_since_ = std::min(std::max(still_since, turning_since_) + lost, now);
}

evidence loop_probe::look(clock::time_point now) {
    evidence seen;
    if (answered_) {
        if (chat_lock_.stuck_since())
            seen.lock_stuck = now - lock_stuck_since(now);
        return seen;
    }
    seen.unanswered = now - asked_at_;
    if (const auto handlers = thread_.handlers_ended(); handlers != handlers_then_) {
        seen.moved = true;
        moved_at_ = now;
        handlers_then_ = handlers;
        cpu_then_ = thread_.cpu_time();
    }
    seen.silent = now - moved_at_;
    if (seen.silent >= stall_after_) {
        seen.thread_state = thread_.state();
        seen.cpu = cpu_used();
    }
    return seen;
}

loop_probe::clock::duration loop_probe::unanswered() const {
    const bool owes_answer = question_->answered_at.load(std::memory_order_acquire) == 0;
    return owes_answer ? clock::now() - asked_at_ : clock::duration{};
}

bool loop_probe::has_not_moved() const {
    return unanswered() > clock::duration{} && handlers_since_asked() == 0;
}

loop_probe::clock::time_point loop_probe::lock_stuck_since(clock::time_point now) const {
    return std::max(chat_lock_.stuck_since().value_or(now), turning_since_);
}

loop_probe::clock::duration loop_probe::period() const {
    return std::clamp<clock::duration>(stall_after_ / 5, milliseconds{2}, milliseconds{100});
}

} // namespace chat
