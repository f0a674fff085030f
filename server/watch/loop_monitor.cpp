#include "server/watch/loop_monitor.hpp"

#include "server/watch/server_log.hpp"
#include "server/watch/stack_names.hpp"

#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <utility>

namespace chat {

namespace {

using std::chrono::milliseconds;

// A loop that is asked to shut down must turn at least once within this time.
constexpr milliseconds patience_at_a_signal{500};
// A healthy machine may keep a thread waiting this long.
constexpr milliseconds usual_lateness{20};
// If the same verdict repeats within this time, only a log line is written, without the prose.
constexpr std::chrono::seconds repeat_after{10};
constexpr std::size_t waiters_in_a_report = 20;

long long count_ms(std::chrono::steady_clock::duration time) {
    return std::chrono::duration_cast<milliseconds>(time).count();
}

/// True if the process ignores the signal, for example because `nohup` started it.
bool is_ignored(int signal) {
    struct sigaction now{};
    return ::sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

std::string_view name_of(int signal) {
    return signal == SIGINT ? "SIGINT" : signal == SIGHUP ? "SIGHUP" : "SIGTERM";
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
    : loop_{loop}
    , ledgers_{std::move(ledgers)}
    , names_{names}
    , how_{std::move(how)}
    , timer_{watch}
    , signals_{watch} {
    signals_.add(SIGINT);
    signals_.add(SIGTERM);
    if (!is_ignored(SIGHUP))
        signals_.add(SIGHUP);
    await_signal();
    const auto now = clock::now();
    turning_since_ = now;
    ask(now);
    schedule();
}

loop_monitor::~loop_monitor() {
    if (namer_.joinable())
        namer_.join();
}

health loop_monitor::health() const {
    if (verdict_ == verdict::alive)
        return {};
    const auto time = std::chrono::duration_cast<milliseconds>(clock::now() - unhealthy_since_);
    return {condition_of(verdict_), verdict_, time};
}

std::chrono::nanoseconds loop_monitor::unanswered() const {
    return owes_answer() ? clock::now() - asked_at_ : clock::duration{};
}

bool loop_monitor::owes_answer() const {
    return probe_->answered_at.load(std::memory_order_acquire) == 0;
}

loop_monitor::clock::duration loop_monitor::period() const {
    return std::clamp<clock::duration>(how_.limits.stall_after / 5, milliseconds{2},
                                       milliseconds{100});
}

void loop_monitor::schedule() {
    timer_.expires_after(period());
    timer_.async_wait([this](const boost::system::error_code& cancelled) {
        if (!cancelled)
            tick();
    });
}

void loop_monitor::tick() {
    const auto now = clock::now();
    // If this thread did not run (the machine slept, or is overloaded), the loop may not have run
    // either, so that time does not count.
    const auto late = now - timer_.expiry();
    if (late > std::max(how_.limits.stall_after / 5, usual_lateness)) {
        moved_at_ += late;
        excuse(late, now);
    }
    take_answer(now);
    const auto seen = look(now);
    act(judge(seen, how_.limits), now);
    if (!answered_)
        give_up_shutdown(now);
    else
        ask(now);
    schedule();
}

void loop_monitor::ask(clock::time_point now) {
    answered_ = false;
    asked_at_ = moved_at_ = now;
    handlers_then_ = handlers_when_asked_ = thread_.handlers_ended();
    cpu_then_ = thread_.cpu_time();
    probe_->answered_at.store(0, std::memory_order_relaxed);
    asio::post(loop_, [probe = probe_] {
        probe->answered_at.store(clock::now().time_since_epoch().count(),
                                 std::memory_order_release);
    });
}

void loop_monitor::take_answer(clock::time_point now) {
    const auto at = probe_->answered_at.load(std::memory_order_acquire);
    if (at == 0)
        return;
    answered_ = true;
    const auto lag = clock::time_point{clock::duration{at}} - asked_at_;
    lag_.record_with_missed(lag, period());
    if (lag >= how_.limits.stall_after)
        excuse(lag, now);
}

// Excludes time when the loop did not turn, or may not have, from the time that the lock was stuck.
// Restarting the count instead could hide a starvation behind frequent short stalls.
void loop_monitor::excuse(clock::duration lost, clock::time_point now) {
    const auto still_since = ledgers_.front()->stuck_since().value_or(turning_since_);
    turning_since_ = std::min(std::max(still_since, turning_since_) + lost, now);
}

evidence loop_monitor::look(clock::time_point now) {
    evidence seen;
    if (answered_) {
        if (const auto since = ledgers_.front()->stuck_since())
            seen.lock_stuck = now - std::max(*since, turning_since_);
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
    if (seen.silent >= how_.limits.stall_after) {
        seen.thread_state = thread_.state();
        seen.cpu = thread_.cpu_time() - cpu_then_;
        seen.waits_for_itself = ledger_of_deadlock() != nullptr;
    }
    return seen;
}

const lock_ledger* loop_monitor::ledger_of_deadlock() const {
    const auto found = std::ranges::find_if(ledgers_, [this](const lock_ledger* each) {
        return waits_for_itself(thread_.id(), each->snapshot(waiters_in_a_report));
    });
    return found == ledgers_.end() ? nullptr : *found;
}

void loop_monitor::act(verdict found, clock::time_point now) {
    const bool stall_is_over = answered_ && verdict_ != verdict::starved;
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
                 count_ms(now - unhealthy_since_));
    verdict_ = verdict::alive;
}

void loop_monitor::report(verdict found, clock::time_point now) {
    const auto* const about = found == verdict::deadlock ? ledger_of_deadlock() : ledgers_.front();
    if (!about)
        return; // the lock has just been released after all
    const auto lock = about->snapshot(waiters_in_a_report);
    if (found == verdict::starved)
        unhealthy_since_ = std::max(about->stuck_since().value_or(now), turning_since_);
    else if (found == verdict::deadlock)
        unhealthy_since_ = lock.waiters.back().since; // the last thing that the thread did
    else
        unhealthy_since_ = found == verdict::congested ? asked_at_ : moved_at_;
    verdict_ = found;
    log_verdict(found, count_ms(now - unhealthy_since_));

    const stall_facts facts{
        .verdict = found,
        .now = now,
        .stalled = std::chrono::duration_cast<milliseconds>(now - unhealthy_since_),
        .loop = {.id = thread_.id(), .state = thread_.state(), .stack = std::nullopt},
        .cpu = std::chrono::duration_cast<milliseconds>(thread_.cpu_time() - cpu_then_),
        .handlers = thread_.handlers_ended() - handlers_when_asked_};
    auto complete = make_report(facts, lock, names_);
    ++reports_[static_cast<std::size_t>(found)];
    ++newest_report_;
    if (found == verdict::starved) {
        complete.loop.stack.emplace(); // empty, because the loop's thread is not stuck
        publish(complete);
    } else {
        last_report_ = to_json(complete); // the report with the stack follows
        publish_with_stack(std::move(complete));
    }
}

// Naming the stack's functions takes a moment, because the debug information must be read. That happens on
// another thread, so that this thread can still answer requests.
void loop_monitor::publish_with_stack(stall_report complete) {
    auto stack = thread_.stack();
    if (how_.exit_on_stall && condition_of(complete.verdict) == condition::stalled) {
        complete.loop.stack = name_stack(stack);
        publish(complete);
        end_process(exit_frozen);
    }
    unnamed_ = {newest_report_, std::move(complete), std::move(stack)};
    if (!namer_.joinable())
        name_on_another_thread();
}

// Names one stack at a time. A report is dropped if there is a newer one.
void loop_monitor::name_on_another_thread() {
    namer_ = std::thread{[this, next = std::exchange(unnamed_, {}).value()]() mutable {
        next.report.loop.stack = name_stack(next.stack);
        asio::post(timer_.get_executor(), [this, next = std::move(next)] {
            namer_.join(); // takes no time: posting this was the thread's last action
            if (next.number == newest_report_)
                publish(next.report);
            else if (unnamed_)
                name_on_another_thread();
        });
    }};
}

void loop_monitor::publish(const stall_report& complete) {
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

// Ends the process if a clean shutdown is impossible. A deadlock never ends. Any other silence may end
// before the deadline, and then the shutdown is clean.
void loop_monitor::give_up_shutdown(clock::time_point now) {
    const auto silent = now - moved_at_; // short if the loop is only congested
    if (!shutdown_deadline_ || silent < patience_at_a_signal ||
        (now < *shutdown_deadline_ && !ledger_of_deadlock()))
        return;
    spdlog::critical("loop is frozen, so no clean shutdown is possible for_ms={} exit={}",
                     count_ms(silent), exit_frozen);
    end_process(exit_frozen);
}

void loop_monitor::await_signal() {
    signals_.async_wait([this](const boost::system::error_code& cancelled, int number) {
        if (!cancelled)
            on_signal(number);
    });
}

// Logs on this thread, because the loop may be frozen.
void loop_monitor::on_signal(int number) {
    const auto name = name_of(number);
    if (shutdown_deadline_ && number == SIGHUP) {
        // Not impatience: when a terminal closes, the kernel and the shell may each send one.
        spdlog::info("{} again: already shutting down", name);
        await_signal();
        return;
    }
    if (shutdown_deadline_) {
        const int code = seems_frozen() ? exit_frozen : EXIT_SUCCESS;
        spdlog::warn("ending at once signal={} exit={}", name, code);
        end_process(code);
    }
    spdlog::info("asked to shut down signal={}", name);
    shutdown_deadline_ = clock::now() + how_.shutdown_time;
    asio::post(loop_, [shut_down = how_.on_signal, deadline = *shutdown_deadline_] {
        shut_down(deadline);
    });
    await_signal();
}

// True if the loop is stalled, or if a probe is overdue and no handler has ended since it was posted. Does
// not wait for a verdict, because --stall-after may be long and a user who signals twice is impatient.
bool loop_monitor::seems_frozen() const {
    return health().condition == condition::stalled ||
           (unanswered() > usual_lateness && thread_.handlers_ended() == handlers_when_asked_);
}

} // namespace chat
