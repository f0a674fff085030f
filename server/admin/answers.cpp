#include "server/admin/answers.hpp"

#include "server/admin/metrics.hpp"
#include "server/numbers/quantile.hpp"
#include "server/watch/source_path.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/json.hpp>

#include <algorithm>

namespace chat {

namespace json = boost::json;

namespace {

constexpr std::size_t waiters_shown = 6;
constexpr std::chrono::seconds recently{1};

std::string_view path_of_page(std::string_view path) {
    return path == "/" ? "/index.html" : path;
}

std::int64_t milliseconds(std::chrono::steady_clock::duration time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

// Describes the holder of the lock, or a waiter.
json::object party_json(const admin_sources& sources, const lock_site& site,
                        std::chrono::steady_clock::time_point since) {
    return {{"task", site.task},
            {"session", site.session},
            {"name", site.session == 0 ? std::string{} : sources.name_of(site.session)},
            {"at", source_line(site.where)},
            {"for_ms", milliseconds(std::chrono::steady_clock::now() - since)}};
}

json::value holder_json(const admin_sources& sources, const std::optional<lock_holder>& holder) {
    if (!holder)
        return nullptr;
    auto out = party_json(sources, holder->site, holder->since);
    if (holder->suspended) {
        out["suspended_at"] = source_line(holder->suspended->where);
        out["awaiting"] = holder->suspended->awaiting;
        if (holder->suspended->whom != 0)
            out["awaiting_name"] = sources.name_of(holder->suspended->whom);
    }
    return out;
}

json::object quantiles_json(const histogram& values) {
    const auto us = [&](double part) { return quantile(values, part).count(); };
    return {
        {"count", values.count}, {"p50_us", us(0.5)}, {"p99_us", us(0.99)}, {"max_us", us(1.0)}};
}

json::object lock_json(const admin_sources& sources) {
    const auto lock = sources.lock(waiters_shown);
    json::array waiters;
    for (const auto& waiter : lock.waiters)
        waiters.push_back(party_json(sources, waiter.site, waiter.since));
    return {{"holder", holder_json(sources, lock.holder)},
            {"waiting", lock.waiting},
            {"waiters", std::move(waiters)},
            {"wait", quantiles_json(lock.wait)},
            {"hold", quantiles_json(lock.hold)}};
}

std::uint64_t refused_connections(const counters& numbers) {
    auto sum = numbers.refused_no_websocket.read() + numbers.refused_shutting_down.read();
    for (const auto which : {limit::connections, limit::connections_per_address, limit::clients,
                             limit::clients_per_address, limit::origin, limit::handshake_time,
                             limit::header_bytes, limit::bad_request})
        sum += numbers.limit_hits.of(which);
    return sum;
}

json::object counters_json(const counters& numbers) {
    return {{"clients", numbers.clients.read()},
            {"connections", numbers.connections.read()},
            {"messages", numbers.messages.read()},
            {"refused_messages", numbers.refused_messages.read()},
            {"deliveries", numbers.deliveries.read()},
            {"received_bytes", numbers.received_bytes.read()},
            {"sent_bytes", numbers.sent_bytes.read()},
            {"gaps", numbers.limit_hits.of(limit::history)},
            {"missed_messages", numbers.missed_messages.read()},
            {"refused_connections", refused_connections(numbers)},
            {"closed_slow_readers", numbers.limit_hits.of(limit::write_time)}};
}

json::object health_json(const health& now) {
    json::object out{{"status", to_string(now.condition)}};
    if (now.verdict != verdict::alive) {
        out["verdict"] = to_string(now.verdict);
        out["for_ms"] = now.for_ms.count();
    }
    return out;
}

admin_answer not_found() {
    json::array known{"/",          "/healthz",   "/metrics",
                      "/api/state", "/api/stall", admin_answers::events_path};
    return {404, "application/json",
            json::serialize(json::object{{"error", "no such path"}, {"paths", std::move(known)}}) +
                "\n"};
}

} // namespace

admin_answers::admin_answers(server_facts server, const counters& numbers, admin_sources sources)
    : server_{std::move(server)}
    , numbers_{numbers}
    , sources_{std::move(sources)} {}

admin_answer admin_answers::to(std::string_view path) const {
    if (path == "/healthz")
        return healthz();
    if (path == "/metrics")
        return {200, "text/plain; version=0.0.4; charset=utf-8",
                metrics_text(server_, numbers_, sources_)};
    if (path == "/api/state")
        return {200, "application/json", state() + "\n"};
    if (path == "/api/stall") {
        auto report = sources_.last_report();
        if (!report)
            return admin_error(404, "no stall has been reported");
        return {200, "application/json", std::move(*report)};
    }
    const auto files = web_files();
    const auto file = std::ranges::find(files, path_of_page(path), &web_file::path);
    if (file == files.end())
        return not_found();
    return {200, file->type, std::string{file->content}};
}

admin_answer admin_answers::healthz() const {
    const auto now = sources_.health();
    return {now.condition == condition::alive ? 200U : 503U, "application/json",
            json::serialize(health_json(now)) + "\n"};
}

std::string admin_answers::state() const {
    auto out = health_json(sources_.health());
    const auto lag = sources_.lag();
    out["uptime_ms"] = milliseconds(clock::now() - started_);
    out["server"] = {{"version", server_.version},
                     {"mutex", server_.mutex},
                     {"guard", server_.guard},
                     {"chat", server_.chat_url},
                     {"pid", server_.pid}};
    out["counters"] = counters_json(numbers_);
    out["lag"] = quantiles_json(lag);
    out["recent_lag"] = quantiles_json(past_.empty() ? lag : added_since(past_.front().lag, lag));
    out["lock"] = lock_json(sources_);
    json::object stalls;
    for (const auto cause : reported_verdicts)
        stalls[to_string(cause)] = sources_.stalls(cause);
    out["stalls"] = std::move(stalls);
    return json::serialize(out);
}

void admin_answers::sample() {
    const auto now = clock::now();
    past_.push_back({now, sources_.lag()});
    while (past_.front().at < now - recently)
        past_.pop_front();
}

admin_answer admin_error(unsigned status, std::string_view why) {
    return {status, "application/json", json::serialize(json::object{{"error", why}}) + "\n"};
}

bool is_trusted_host(const std::string& host, std::span<const std::string> names) {
    if (host == "localhost" || host.ends_with(".localhost"))
        return true;
    if (std::ranges::find(names, host) != names.end())
        return true;
    boost::system::error_code no_address;
    boost::asio::ip::make_address(host, no_address);
    return !no_address;
}

} // namespace chat
