#include "server/admin/metrics.hpp"

#include "server/watch/server_log.hpp"

#include <prometheus/text_serializer.h>

#include <initializer_list>
#include <utility>

namespace chat {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using labels = std::vector<ClientMetric::Label>;

double seconds(std::chrono::duration<double> time) {
    return time.count();
}

class exposition {
public:
    void counter(std::string name, std::string help, const chat::counter& value) {
        counters(std::move(name), std::move(help), {{labels{}, value.read()}});
    }

    void counters(std::string name, std::string help,
                  const std::vector<std::pair<labels, std::uint64_t>>& values) {
        auto& family = add(std::move(name), std::move(help), MetricType::Counter);
        for (const auto& [label, value] : values) {
            auto& metric = family.metric.emplace_back();
            metric.label = label;
            metric.counter.value = static_cast<double>(value);
        }
    }

    void gauge(std::string name, std::string help, double value, labels label = {}) {
        gauges(std::move(name), std::move(help), {{std::move(label), value}});
    }

    void gauges(std::string name, std::string help,
                const std::vector<std::pair<labels, double>>& values) {
        auto& family = add(std::move(name), std::move(help), MetricType::Gauge);
        for (const auto& [label, value] : values) {
            auto& metric = family.metric.emplace_back();
            metric.label = label;
            metric.gauge.value = value;
        }
    }

    // The serialiser adds the last bucket, +Inf.
    void add_histogram(std::string name, std::string help, const chat::histogram& values) {
        auto& family = add(std::move(name), std::move(help), MetricType::Histogram);
        auto& out = family.metric.emplace_back().histogram;
        const auto cumulative = values.cumulative();
        for (std::size_t bucket = 0; bucket + 1 < chat::histogram::size; ++bucket)
            out.bucket.push_back(
                {cumulative[bucket], static_cast<double>(chat::histogram::limit_us(bucket)) / 1e6});
        out.sample_count = values.count;
        out.sample_sum = static_cast<double>(values.sum_ns) / 1e9;
    }

    [[nodiscard]] std::string text() const {
        return prometheus::TextSerializer{}.Serialize(families_);
    }

private:
    MetricFamily& add(std::string name, std::string help, MetricType type) {
        return families_.emplace_back(
            MetricFamily{"chat_" + std::move(name), std::move(help), type, {}});
    }

    std::vector<MetricFamily> families_;
};

labels reason(std::string why) {
    return {{"reason", std::move(why)}};
}

void add_traffic(exposition& out, const counters& numbers) {
    out.gauge("clients", "Clients in the chat now.", static_cast<double>(numbers.clients.read()));
    out.counter("connections_total", "Connections accepted.", numbers.connections);
    const auto hits = [&](limit which) { return numbers.limit_hits.of(which); };
    out.counters("refused_connections_total", "Refused connections, by reason.",
                 {{reason("overload"), hits(limit::connections)},
                  {reason("address_overload"), hits(limit::connections_per_address)},
                  {reason("full"), hits(limit::clients)},
                  {reason("address_full"), hits(limit::clients_per_address)},
                  {reason("origin"), hits(limit::origin)},
                  {reason("too_late"), hits(limit::handshake_time)},
                  {reason("header_too_long"), hits(limit::header_bytes)},
                  {reason("bad_request"), hits(limit::bad_request)},
                  {reason("no_websocket"), numbers.refused_no_websocket.read()},
                  {reason("shutting_down"), numbers.refused_shutting_down.read()}});
    out.counters("closed_clients_total", "Clients closed by the server, by reason.",
                 {{reason("slow_reader"), hits(limit::write_time)},
                  {reason("idle"), hits(limit::idle_time)},
                  {reason("rate"), hits(limit::message_rate)},
                  {reason("frame_flood"), hits(limit::frame_flood)},
                  {reason("message_too_big"), hits(limit::message_bytes)}});
    out.counters("accept_pauses_total",
                 "How often accepting paused because clients had no file descriptor left.",
                 {{labels{}, hits(limit::descriptors)}});
    out.counter("messages_total", "Messages sent by clients.", numbers.messages);
    out.counter("refused_messages_total", "Requests answered with an error.",
                numbers.refused_messages);
    out.counter("deliveries_total", "Messages handed to a client's socket.", numbers.deliveries);
    out.counter("received_bytes_total", "Bytes received from clients, without framing.",
                numbers.received_bytes);
    out.counter("sent_bytes_total", "Bytes handed to clients' sockets, with framing.",
                numbers.sent_bytes);
    out.counters("gaps_total", "How often a client was told that it missed messages.",
                 {{labels{}, hits(limit::history)}});
    out.counters(
        "unread_answers_total",
        "How often the server stopped reading from a client that had not read its replies.",
        {{labels{}, hits(limit::replies)}});
    out.counter("missed_messages_total",
                "Messages that left the history before a client read them.",
                numbers.missed_messages);
    out.counters("dropped_log_lines_total",
                 "Log lines dropped because they could not be written in time.",
                 {{labels{}, the_log().dropped()}});
}

void add_health(exposition& out, const admin_sources& sources) {
    const auto now = sources.health();
    std::vector<std::pair<labels, double>> states;
    for (const auto state : {condition::alive, condition::stalled, condition::starved})
        states.push_back(
            {{{"status", std::string{to_string(state)}}}, now.condition == state ? 1.0 : 0.0});
    out.gauges("health", "1 for the server's current state, 0 for the others.", states);
    out.gauge("unhealthy_seconds", "How long the server has been stalled or starved.",
              seconds(now.for_ms));

    std::vector<std::pair<labels, std::uint64_t>> stalls;
    for (const auto cause : reported_verdicts)
        stalls.push_back({{{"verdict", std::string{to_string(cause)}}}, sources.stalls(cause)});
    out.counters("stalls_total", "Reported stalls, by cause.", stalls);
    out.add_histogram("loop_lag_seconds", "How long the event loop took to answer a probe.",
                      sources.lag());
    out.gauge("loop_unanswered_seconds", "How long the current probe has been unanswered.",
              seconds(sources.unanswered()));
}

void add_lock(exposition& out, const lock_snapshot& lock) {
    const auto held = lock.holder ? std::chrono::steady_clock::now() - lock.holder->since
                                  : std::chrono::steady_clock::duration{};
    out.gauge("lock_waiters", "Tasks waiting for the message buffer's lock.",
              static_cast<double>(lock.waiting));
    out.gauge("lock_held_seconds", "How long the holder has had the lock; 0 if it is free.",
              seconds(held));
    out.add_histogram("lock_wait_seconds", "How long tasks waited for the lock.", lock.wait);
    out.add_histogram(
        "lock_hold_seconds",
        "How long tasks held the lock. Of brief holds, one in 17 is timed and counts for all 17.",
        lock.hold);
}

} // namespace

std::string metrics_text(const server_facts& server, const counters& numbers,
                         const admin_sources& sources) {
    exposition out;
    out.gauge("build_info", "How the server was built; always 1.", 1,
              {{"version", server.version}, {"mutex", server.mutex}, {"guard", server.guard}});
    out.gauge("start_time_seconds", "When the server started, in seconds since 1970.",
              seconds(server.started.time_since_epoch()));
    add_traffic(out, numbers);
    add_health(out, sources);
    add_lock(out, sources.lock(0));
    return out.text();
}

} // namespace chat
