#include "server/sync/lock_ledger.hpp"

#include <algorithm>
#include <string_view>

#include <ctime>
#include <unistd.h>

namespace chat {

namespace {

/// One brief hold in this many is timed, and stands for those that follow it. An odd number, so
/// that the samples do not fall into step with another pattern.
constexpr std::uint64_t brief_holds_per_sample = 17;

/// The time, a few milliseconds late. Reading it takes a fifth of the time of clock::now().
lock_ledger::clock::time_point recently() noexcept {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    return lock_ledger::clock::time_point{std::chrono::seconds{time.tv_sec} +
                                          std::chrono::nanoseconds{time.tv_nsec}};
}

pid_t this_thread() {
    thread_local const pid_t number = ::gettid();
    return number;
}

/// Returns `chat::room::say` for `chat::task<> chat::room::say(std::shared_ptr<session>,
/// say_request)`.
std::string_view name_in(std::string_view signature) {
    constexpr std::string_view nameless = "(anonymous namespace)::"; // as clang writes it
    if (const auto at = signature.find(nameless); at != signature.npos)
        signature.remove_prefix(at + nameless.size());
    const auto name = signature.substr(0, signature.find('('));
    return name.substr(name.rfind(' ') + 1);
}

/// True if both are in the same function. Compares only the names, because g++ writes the signature
/// of a coroutine in two different ways.
bool same_function(const std::source_location& one, const std::source_location& other) {
    return std::string_view{one.file_name()} == other.file_name() &&
           name_in(one.function_name()) == name_in(other.function_name());
}

} // namespace

bool waits_for_itself(pid_t thread, const lock_snapshot& lock) {
    const auto blocks_it = [thread](const auto& party) {
        return party.blocks_threads && party.thread == thread;
    };
    return lock.holder && blocks_it(*lock.holder) && std::ranges::any_of(lock.waiters, blocks_it);
}

void lock_ledger::waiting(const void* waiter, const lock_site& site, bool blocks_threads) noexcept {
    const queued entry{waiter, {site, clock::now(), this_thread(), blocks_threads}};
    const std::lock_guard lock{mutex_};
    waiters_.push_back(entry);
}

void lock_ledger::acquired(const void* waiter, const lock_site& site,
                           bool blocks_threads) noexcept {
    timed_ = !site.brief || waiter                          ? timing::whole
             : brief_holds_++ % brief_holds_per_sample == 0 ? timing::sample
                                                            : timing::none;
    const auto now = timed_ == timing::none ? recently() : clock::now();
    const auto since = waiter ? forget(waiter) : std::nullopt;
    const sequence_lock::writing writing{holds_};
    wait_.record(now - since.value_or(now));
    holder_.store({site, now, this_thread(), blocks_threads, {}});
    held_.store(true);
    since_ = now;
}

void lock_ledger::abandoned(const void* waiter) noexcept {
    forget(waiter);
}

void lock_ledger::released() noexcept {
    const auto time = timed_ == timing::none ? brief_time_ : clock::now() - since_;
    if (timed_ == timing::sample)
        brief_time_ = time;
    const sequence_lock::writing writing{holds_};
    hold_.record(time);
    held_.store(false);
}

void lock_ledger::suspending(std::uint64_t session, const lock_suspension& at) noexcept {
    auto held = holder();
    if (!held || held->site.session != session || !same_function(held->site.where, at.where))
        return;
    held->suspended = at;
    if (timed_ == timing::none) // not brief after all
        held->since = since_ = clock::now();
    timed_ = timing::whole;
    const sequence_lock::writing writing{holds_};
    holder_.store(*held);
}

lock_snapshot lock_ledger::snapshot(std::size_t max_waiters) const {
    auto copy = holds_.read([this] {
        lock_snapshot now;
        if (held_.load())
            now.holder = holder_.load();
        now.wait = wait_.load();
        now.hold = hold_.load();
        return now;
    });
    copy.waiters.reserve(max_waiters); // before the lock, which delays the loop
    const std::lock_guard lock{mutex_};
    copy.waiting = waiters_.size();
    for (const auto& each : waiters_) {
        if (copy.waiters.size() == max_waiters)
            break;
        copy.waiters.push_back(each.what);
    }
    return copy;
}

std::optional<lock_ledger::clock::time_point> lock_ledger::stuck_since() const {
    const auto held = holder();
    if (!held)
        return std::nullopt;
    const std::lock_guard lock{mutex_};
    return waiters_.empty() ? held->since : std::min(held->since, waiters_.front().what.since);
}

std::optional<lock_holder> lock_ledger::held_by_this_thread() const {
    auto held = holder();
    if (held && held->blocks_threads && held->thread == this_thread())
        return held;
    return std::nullopt;
}

// Returns when the waiter began to wait.
std::optional<lock_ledger::clock::time_point> lock_ledger::forget(const void* waiter) noexcept {
    const std::lock_guard lock{mutex_};
    // The waiter that gets the lock is at the front, unless threads race.
    const auto found = std::ranges::find(waiters_, waiter, &queued::waiter);
    if (found == waiters_.end())
        return std::nullopt;
    const auto since = found->what.since;
    waiters_.erase(found);
    return since;
}

std::optional<lock_holder> lock_ledger::holder() const {
    return holds_.read(
        [this] { return held_.load() ? std::optional{holder_.load()} : std::nullopt; });
}

void lock_ledger::times::record(std::chrono::nanoseconds time) noexcept {
    const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0));
    auto& bucket = in_bucket_[histogram::bucket_of(ns)];
    bucket.store(bucket.load() + 1);
    sum_ns_.store(sum_ns_.load() + ns);
}

histogram lock_ledger::times::load() const noexcept {
    histogram copy;
    for (std::size_t i = 0; i < histogram::size; ++i)
        copy.count += copy.in_bucket[i] = in_bucket_[i].load();
    copy.sum_ns = sum_ns_.load();
    return copy;
}

} // namespace chat
