#include "server/watch/loop_monitor.hpp"

#include "server/watch/server_log.hpp"
#include "server/watch/stack_names.hpp"

#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace chat {

namespace {

using std::chrono::milliseconds;

// A healthy machine may delay a thread this long.
constexpr milliseconds usual_lateness{20};
// The same verdict within this time is logged as one line, without the prose.
constexpr std::chrono::seconds repeat_after{10};
constexpr std::size_t waiters_in_a_report = 20;

milliseconds in_ms(std::chrono::nanoseconds time) {
    return std::chrono::duration_cast<milliseconds>(time);
}

void log_verdict(verdict found, long long for_ms) {
    const auto name = to_string(found);
    if (found == verdict::starved)
        spdlog::critical(
            "lock is starved: one task has held it, or waited for it, too long for_ms={}", for_ms);
    else if (found == verdict::congested)
        spdlog::critical("loop is congested: it runs, but answers late for_ms={}", for_ms);
    else
        spdlog::critical(
            "loop is frozen: its thread has not come back to the event loop verdict={} "
            "for_ms={}",
            name, for_ms);
}

} // namespace

loop_monitor::loop_monitor(asio::io_context& watch, loop_executor loop,
                           std::vector<const lock_ledger*> ledgers, const session_names& names,
                           settings how)
    : ledgers_{std::move(ledgers)}
    , names_{names}
    , limits_{how.limits}
    , exit_on_stall_{how.exit_on_stall}
    , timer_{watch}
    , probe_{loop, *ledgers_.front(), limits_.stall_after}
    , namer_{watch, [this](const stall_report& named) { tell(named); }}
    , shutdown_{watch,
                {.time = how.shutdown_time,
                 .shut_down =
                     [loop, on_signal = std::move(how.on_signal)](clock::time_point deadline) {
                         asio::post(loop, [on_signal, deadline] { on_signal(deadline); });
                     },
                 .seems_frozen = [this] { return seems_frozen(); }}} {
    schedule();
}

health loop_monitor::health() const {
    if (verdict_ == verdict::alive)
        return {};
    return {condition_of(verdict_), verdict_, in_ms(clock::now() - unhealthy_since_)};
}

void loop_monitor::schedule() {
    timer_.expires_after(probe_.period());
    timer_.async_wait([this](const boost::system::error_code& cancelled) {
        if (!cancelled)
            tick();
    });
}

void loop_monitor::tick() {
    const auto now = clock::now();
    // If the watch thread itself was late (the machine slept, or is overloaded), the loop may have been as well.
    const auto late = now - timer_.expiry();
    if (late > std::max(limits_.stall_after / 5, usual_lateness))
        probe_.forgive(late, now);
    probe_.take_answer(now);
    act(judge(look(now), limits_), now);
    if (probe_.answered())
        probe_.ask(now);
    else // a congested loop will get to the shutdown, so what counts is that nothing moves
        shutdown_.give_up_if_hopeless(now, now - probe_.moved_at(),
                                      [this] { return ledger_of_deadlock() != nullptr; });
    schedule();
}

evidence loop_monitor::look(clock::time_point now) {
    auto seen = probe_.look(now);
    if (seen.silent >= limits_.stall_after)
        seen.waits_for_itself = ledger_of_deadlock() != nullptr;
    return seen;
}

const lock_ledger* loop_monitor::ledger_of_deadlock() const {
    const auto found = std::ranges::find_if(ledgers_, [this](const lock_ledger* each) {
        return waits_for_itself(probe_.thread().id(), each->snapshot(waiters_in_a_report));
    });
    return found == ledgers_.end() ? nullptr : *found;
}

void loop_monitor::act(verdict found, clock::time_point now) {
    const bool stall_is_over = probe_.answered() && verdict_ != verdict::starved;
    const bool starvation_is_over = found != verdict::starved && verdict_ == verdict::starved;
    if (verdict_ != verdict::alive && (stall_is_over || starvation_is_over))
        recover(now);
    // A stall keeps its verdict, unless a congested loop stops completely.
    const bool worse = verdict_ == verdict::congested && condition_of(found) == condition::stalled;
    if (found != verdict::alive && (verdict_ == verdict::alive || worse))
        report(found, now);
}

void loop_monitor::recover(clock::time_point now) {
    spdlog::warn("{} moves again after_ms={}", verdict_ == verdict::starved ? "lock" : "loop",
                 in_ms(now - unhealthy_since_).count());
    verdict_ = verdict::alive;
}

void loop_monitor::report(verdict found, clock::time_point now) {
    const auto* const about = found == verdict::deadlock ? ledger_of_deadlock() : ledgers_.front();
    if (!about)
        return; // the lock has just been released after all
    const auto lock = about->snapshot(waiters_in_a_report);
    unhealthy_since_ = began_at(found, lock, now);
    verdict_ = found;
    log_verdict(found, in_ms(now - unhealthy_since_).count());
    ++reports_[static_cast<std::size_t>(found)];

    auto complete = make_report(facts_of(found, now), lock, names_);
    if (found == verdict::starved) {
        complete.loop.stack.emplace(); // empty, because the loop's thread is not stuck
        namer_.supersede();
        tell(complete);
    } else {
        last_report_ = to_json(complete); // until the stack has its names
        tell_with_stack(std::move(complete));
    }
}

loop_monitor::clock::time_point loop_monitor::began_at(verdict found, const lock_snapshot& lock,
                                                       clock::time_point now) const {
    switch (found) {
    case verdict::starved:
        return probe_.lock_stuck_since(now);
    case verdict::deadlock:
        return lock.waiters.back().since; // the last thing that the thread did
    case verdict::congested:
        return probe_.asked_at();
    default:
        return probe_.moved_at();
    }
}

stall_facts loop_monitor::facts_of(verdict found, clock::time_point now) const {
    const auto& thread = probe_.thread();
    return {.verdict = found,
            .now = now,
            .stalled = in_ms(now - unhealthy_since_),
            .loop = {.id = thread.id(), .state = thread.state(), .stack = std::nullopt},
            .cpu = in_ms(probe_.cpu_used()),
            .handlers = probe_.handlers_since_asked()};
}

void loop_monitor::tell_with_stack(stall_report complete) {
    auto stack = probe_.thread().stack();
    if (exit_on_stall_ && condition_of(complete.verdict) == condition::stalled) {
        complete.loop.stack = name_stack(stack);
        tell(complete);
        end_process(exit_frozen);
    }
    namer_.name(std::move(complete), std::move(stack));
}

void loop_monitor::tell(const stall_report& complete) {
    last_report_ = to_json(complete);
    const auto now = clock::now();
    if (complete.verdict == logged_verdict_ && now - logged_at_ < repeat_after)
        return;
    logged_verdict_ = complete.verdict;
    logged_at_ = now;
    const auto prose = to_prose(complete, the_log().coloured());
    the_log().prose().log(spdlog::level::critical,
                          spdlog::string_view_t{prose.data(), prose.size()});
}

// Does not wait for a verdict, because --stall-after may be long and a user who signals twice is impatient.
bool loop_monitor::seems_frozen() const {
    return health().condition == condition::stalled ||
           (probe_.unanswered() > usual_lateness && probe_.has_not_moved());
}

} // namespace chat
