#include "server/watch/stall_report.hpp"

#include "server/watch/source_path.hpp"

#include <spdlog/fmt/fmt.h>

namespace chat {

namespace {

using milliseconds = stall_report::milliseconds;

milliseconds between(std::chrono::steady_clock::time_point from,
                     std::chrono::steady_clock::time_point to) {
    return std::chrono::duration_cast<milliseconds>(to - from);
}

std::string session_label(std::uint64_t session, const std::string& name) {
    return name.empty() ? fmt::format("session {}", session)
                        : fmt::format("session {} \"{}\"", session, name);
}

stall_report::party party_of(const lock_site& site, milliseconds since,
                             const session_names& names) {
    const std::string task = *site.task ? site.task : "a task";
    return {site.session, names.of(site.session), task, source_line(site.where), since};
}

stall_report::holder holder_of(const lock_holder& held, milliseconds since,
                               const session_names& names) {
    stall_report::holder holder{party_of(held.site, since, names), {}, {}, held.blocks_threads};
    if (const auto& sleeps = held.suspended) {
        holder.suspended_at = source_line(sleeps->where);
        holder.awaiting = sleeps->awaiting;
        if (sleeps->whom != 0)
            holder.awaiting += " of " + session_label(sleeps->whom, names.of(sleeps->whom));
    }
    return holder;
}

void explain_deadlock(stall_report& report) {
    const auto& holder = *report.held_by;
    const auto& waiter = report.waiters.front();
    const auto sleeps =
        holder.suspended_at.empty() ? std::string{"somewhere"} : "in " + holder.suspended_at;
    report.cycle = {
        fmt::format("{} waits for the lock that {} holds", waiter.label(), holder.label()),
        fmt::format("{} waits for the loop's thread to resume it", holder.label()),
        fmt::format("the loop's thread waits for the lock in {}", waiter.label()),
    };
    report.explanation = fmt::format(
        "{} was suspended {} with the lock held, and can only be resumed by the loop's thread. "
        "That thread is stopped in {}, by {}, until the lock is released, which is never.",
        holder.label(), sleeps, waiter.at, waiter.label());
    report.fix = fmt::format(
        "release the guard before the co_await {}, or wait with a mutex that suspends the task",
        sleeps);
}

void explain_starvation(stall_report& report) {
    const auto& holder = *report.held_by;
    if (holder.suspended_at.empty()) {
        report.explanation = fmt::format(
            "The loop turns, but {} took the lock in {} and has not released it for {} ms. {} "
            "tasks wait for it.",
            holder.label(), holder.at, holder.since.count(), report.waiting);
        report.fix = "hold the lock only while the data is in use, never while waiting for a peer";
        return;
    }
    report.explanation = fmt::format(
        "The loop turns, but {} keeps the lock while it awaits {}. {} tasks wait for the lock, so "
        "they wait for the same thing.",
        holder.label(), holder.awaiting, report.waiting);
    report.fix = fmt::format("release the guard before the co_await in {}", holder.suspended_at);
}

void explain(stall_report& report) {
    switch (report.verdict) {
    case verdict::deadlock:
        return explain_deadlock(report);
    case verdict::starved:
        return explain_starvation(report);
    case verdict::blocked:
        report.explanation =
            "A handler put the loop's thread to sleep, in a system call or waiting for another "
            "thread's lock. No client is served until the thread wakes up.";
        report.fix =
            "await the operation instead, or let another thread block and await its result";
        return;
    case verdict::spinning:
        report.explanation = fmt::format(
            "A handler computes without returning to the loop: the thread used {} ms of "
            "processor time during the stall. No client is served until it returns.",
            report.cpu.count());
        report.fix =
            "do the work in small pieces with a turn of the loop in between, or on a thread pool";
        return;
    case verdict::congested:
        report.explanation = fmt::format(
            "The loop moves: {} handlers ended during this time. But so many are ready that a new "
            "one waits this long for its turn.",
            report.handlers);
        report.fix = "give it less to do (see --max-rate, --max-clients), or add a thread";
        return;
    case verdict::alive:
        return;
    }
}

} // namespace

std::string stall_report::party::label() const {
    return session == 0 ? task : task + ", " + session_label(session, name);
}

stall_report make_report(const stall_facts& facts, const lock_snapshot& lock,
                         const session_names& names) {
    stall_report report;
    report.verdict = facts.verdict;
    report.stalled = facts.stalled;
    report.loop = facts.loop;
    report.cpu = facts.cpu;
    report.handlers = facts.handlers;
    if (lock.holder)
        report.held_by = holder_of(*lock.holder, between(lock.holder->since, facts.now), names);
    for (const auto& each : lock.waiters)
        report.waiters.push_back(party_of(each.site, between(each.since, facts.now), names));
    report.waiting = lock.waiting;
    explain(report);
    return report;
}

} // namespace chat
