#include "server/watch/stall_report.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace chat {

namespace {

namespace json = boost::json;

json::value or_null(const std::string& text) {
    return text.empty() ? json::value() : json::value(text); // braces would make an array
}

json::array array_of(const std::vector<std::string>& lines) {
    return json::array(lines.begin(), lines.end());
}

json::object object_of(const stall_report::thread& loop) {
    return {{"id", loop.id},
            {"state", std::string{loop.state}},
            {"stack", loop.stack ? json::value(array_of(*loop.stack)) : json::value()}};
}

json::object object_of(const stall_report::holder& holder) {
    return {{"session", holder.session},
            {"name", holder.name},
            {"task", holder.task},
            {"acquired_at", holder.at},
            {"suspended_at", or_null(holder.suspended_at)},
            {"awaiting", or_null(holder.awaiting)},
            {"held_ms", holder.since.count()}};
}

json::object object_of(const stall_report::party& waiter) {
    return {{"session", waiter.session},
            {"name", waiter.name},
            {"task", waiter.task},
            {"at", waiter.at},
            {"waited_ms", waiter.since.count()}};
}

} // namespace

std::string to_json(const stall_report& report) {
    json::array waiters;
    for (const auto& each : report.waiters)
        waiters.push_back(object_of(each));
    const json::object all{
        {"verdict", to_string(report.verdict)},
        {"stalled_ms", report.stalled.count()},
        {"thread", object_of(report.loop)},
        {"holder", report.held_by ? json::value(object_of(*report.held_by)) : json::value()},
        {"waiters", std::move(waiters)},
        {"waiting", report.waiting},
        {"cycle", array_of(report.cycle)},
        {"explanation", report.explanation},
        {"fix", report.fix}};
    return json::serialize(all);
}

} // namespace chat
