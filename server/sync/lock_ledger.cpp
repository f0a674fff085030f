#include "server/sync/lock_ledger.hpp"

#include <algorithm>
#include <string_view>

#include <unistd.h>

namespace chat {

namespace {

pid_t this_thread() {
    thread_local const pid_t number = ::gettid();
    return number;
}

/// `chat::room::say` of `chat::task<> chat::room::say(std::shared_ptr<session>, say_request)`.
std::string_view name_in(std::string_view signature) {
    constexpr std::string_view nameless = "(anonymous namespace)::"; // as clang writes it
    if (const auto at = signature.find(nameless); at != signature.npos)
        signature.remove_prefix(at + nameless.size());
    const auto name = signature.substr(0, signature.find('('));
    return name.substr(name.rfind(' ') + 1);
}

/// g++ writes the signature of one coroutine in two ways.
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
    const auto now = clock::now();
    const auto thread = this_thread();
    const std::lock_guard lock{mutex_};
    clock::duration waited{};
    if (waiter) {
        if (const auto found = find(waiter); found != waiters_.end()) {
            waited = now - found->what.since;
            waiters_.erase(found);
        }
    }
    wait_.record(waited);
    holder_.emplace(lock_holder{site, now, thread, blocks_threads, {}});
}

void lock_ledger::abandoned(const void* waiter) noexcept {
    const std::lock_guard lock{mutex_};
    if (const auto found = find(waiter); found != waiters_.end())
        waiters_.erase(found);
}

void lock_ledger::released() noexcept {
    const auto now = clock::now();
    const std::lock_guard lock{mutex_};
    if (holder_)
        hold_.record(now - holder_->since);
    holder_.reset();
}

void lock_ledger::suspending(std::uint64_t session, const lock_suspension& at) noexcept {
    const std::lock_guard lock{mutex_};
    if (holder_ && holder_->site.session == session && same_function(holder_->site.where, at.where))
        holder_->suspended = at;
}

lock_snapshot lock_ledger::snapshot(std::size_t max_waiters) const {
    lock_snapshot copy;
    copy.waiters.reserve(max_waiters); // not while we hold up the loop
    const std::lock_guard lock{mutex_};
    copy.holder = holder_;
    copy.waiting = waiters_.size();
    for (const auto& each : waiters_) {
        if (copy.waiters.size() == max_waiters)
            break;
        copy.waiters.push_back(each.what);
    }
    copy.wait = wait_;
    copy.hold = hold_;
    return copy;
}

std::optional<lock_ledger::clock::time_point> lock_ledger::stuck_since() const {
    const std::lock_guard lock{mutex_};
    if (!holder_)
        return std::nullopt;
    return waiters_.empty() ? holder_->since
                            : std::min(holder_->since, waiters_.front().what.since);
}

std::optional<lock_holder> lock_ledger::held_by_this_thread() const {
    const auto thread = this_thread();
    const std::lock_guard lock{mutex_};
    if (holder_ && holder_->blocks_threads && holder_->thread == thread)
        return holder_;
    return std::nullopt;
}

// First come, first served: who gets the lock is the front, but for threads that race.
std::deque<lock_ledger::queued>::iterator lock_ledger::find(const void* waiter) {
    return std::ranges::find(waiters_, waiter, &queued::waiter);
}

} // namespace chat
