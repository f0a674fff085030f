#include "client/report/report.hpp"

#include "client/foreign_text.hpp"

#include <boost/json.hpp>

#include <stdexcept>

namespace chat::load {

namespace json = boost::json;

latency_summary summarise(const histogram& latencies) {
    const auto us = [](nanoseconds span) { return static_cast<double>(span.count()) / 1e3; };
    return {.count = latencies.count(),
            .p50 = us(latencies.quantile(0.5)),
            .p90 = us(latencies.quantile(0.9)),
            .p99 = us(latencies.quantile(0.99)),
            .p999 = us(latencies.quantile(0.999)),
            .max = us(latencies.max())};
}

namespace {

// The write and read functions of each part are next to each other, so that they stay consistent.

json::object write(const latency_summary& l) {
    const auto us = [&](double value) { return l.count > 0 ? json::value(value) : json::value(); };
    return {{"count", l.count}, {"p50", us(l.p50)},   {"p90", us(l.p90)},
            {"p99", us(l.p99)}, {"p999", us(l.p999)}, {"max", us(l.max)}};
}

double number_or_zero(const json::value& value) {
    return value.is_null() ? 0 : value.to_number<double>();
}

latency_summary read_latency(const json::value& value) {
    const auto& o = value.as_object();
    const auto us = [&](const char* key) { return number_or_zero(o.at(key)); };
    return {.count = o.at("count").to_number<std::uint64_t>(),
            .p50 = us("p50"),
            .p90 = us("p90"),
            .p99 = us("p99"),
            .p999 = us("p999"),
            .max = us("max")};
}

json::array write(const std::vector<closed_clients>& closed) {
    json::array all;
    for (const auto& c : closed)
        all.push_back(json::object{{"clients", c.clients}, {"code", c.code}, {"reason", c.reason}});
    return all;
}

std::vector<closed_clients> read_closed(const json::value& value) {
    std::vector<closed_clients> all;
    for (const auto& entry : value.as_array()) {
        const auto& o = entry.as_object();
        all.push_back({.clients = o.at("clients").to_number<std::uint64_t>(),
                       .code = o.at("code").to_number<std::uint16_t>(),
                       .reason = json::value_to<std::string>(o.at("reason"))});
    }
    return all;
}

json::value write(const std::optional<silence_report>& s) {
    if (!s)
        return nullptr;
    return json::object{{"at_ms", s->at_ms},
                        {"silent_ms", s->silent_ms},
                        {"after_messages", s->after_messages},
                        {"clients", s->clients},
                        {"timed_out_clients", s->timed_out_clients},
                        {"handshake", s->handshake},
                        {"ended", s->ended}};
}

std::optional<silence_report> read_silence(const json::value& value) {
    if (value.is_null())
        return {};
    const auto& o = value.as_object();
    return silence_report{.at_ms = o.at("at_ms").to_number<double>(),
                          .silent_ms = o.at("silent_ms").to_number<double>(),
                          .after_messages = o.at("after_messages").to_number<std::uint64_t>(),
                          .clients = o.at("clients").to_number<std::uint64_t>(),
                          .timed_out_clients = o.at("timed_out_clients").to_number<std::uint64_t>(),
                          .handshake = json::value_to<std::string>(o.at("handshake")),
                          .ended = o.at("ended").as_bool()};
}

json::array write(const std::vector<timeline_point>& timeline) {
    json::array points;
    for (const auto& p : timeline)
        points.push_back(json::object{{"t_ms", p.t_ms},
                                      {"sent", p.sent},
                                      {"delivered", p.delivered},
                                      {"in_flight", p.in_flight}});
    return points;
}

std::vector<timeline_point> read_timeline(const json::value& value) {
    std::vector<timeline_point> timeline;
    for (const auto& point : value.as_array()) {
        const auto& o = point.as_object();
        timeline.push_back({.t_ms = o.at("t_ms").to_number<double>(),
                            .sent = o.at("sent").to_number<std::uint64_t>(),
                            .delivered = o.at("delivered").to_number<std::uint64_t>(),
                            .in_flight = o.at("in_flight").to_number<std::uint64_t>()});
    }
    return timeline;
}

json::object write_config(const report& r) {
    return {{"url", r.url},
            {"clients", r.clients},
            {"senders", r.senders},
            {"slow_readers", r.slow_readers},
            {"window", r.window},
            {"rate", r.rate},
            {"duration_ms", r.duration_ms},
            {"warmup_ms", r.warmup_ms},
            {"timeout_ms", r.timeout_ms},
            {"message_bytes", r.message_bytes},
            {"expect", to_string(r.expected_outcome)}};
}

verdict read_verdict(const json::value& value) {
    const auto found = verdict_named(json::value_to<std::string>(value));
    if (!found)
        throw std::runtime_error{"its verdict is unknown"};
    return *found;
}

void read_config(report& r, const json::value& value) {
    const auto& o = value.as_object();
    const auto count = [&](const char* key) { return o.at(key).to_number<std::uint32_t>(); };
    const auto number = [&](const char* key) { return o.at(key).to_number<double>(); };
    r.url = json::value_to<std::string>(o.at("url"));
    r.clients = count("clients");
    r.senders = count("senders");
    r.slow_readers = count("slow_readers");
    r.window = o.contains("window") ? count("window") : 1; // older reports lack this key
    r.rate = number("rate");
    r.duration_ms = number("duration_ms");
    r.warmup_ms = number("warmup_ms");
    r.timeout_ms = number("timeout_ms");
    r.message_bytes = count("message_bytes");
    r.expected_outcome = read_verdict(o.at("expect"));
}

report read_report(const json::object& o) {
    const auto count = [&](const char* key) { return o.at(key).to_number<std::uint64_t>(); };
    report r;
    r.outcome = read_verdict(o.at("verdict"));
    r.exit_code = o.at("exit_code").to_number<int>();
    r.interrupted = o.at("interrupted").as_bool();
    r.froze = read_silence(o.at("froze"));
    r.starved = read_silence(o.at("starved"));
    read_config(r, o.at("config"));
    r.mutex = json::value_to<std::string>(o.at("server").at("mutex"));
    r.guard = json::value_to<std::string>(o.at("server").at("guard"));
    r.sent = count("sent");
    r.unsent = count("unsent");
    r.expected = count("expected");
    r.delivered = count("delivered");
    r.lost = count("lost");
    r.not_awaited = o.contains("not_awaited") ? count("not_awaited") : 0; // likewise
    r.duplicated = count("duplicated");
    r.reordered = count("reordered");
    r.slow_readers_closed = count("slow_readers_closed");
    if (o.contains("closed_by_server")) // older reports lack this key and the next one
        r.closed_by_server = read_closed(o.at("closed_by_server"));
    r.connections_ended = o.contains("connections_ended") ? count("connections_ended") : 0;
    if (const auto& rate = o.at("deliveries_per_s"); !rate.is_null())
        r.deliveries_per_s = rate.to_number<double>();
    r.measured_ms = o.at("measured_ms").to_number<double>();
    r.latency_us = read_latency(o.at("latency_us"));
    r.latency_from_send_us = read_latency(o.at("latency_from_send_us"));
    r.timeline = read_timeline(o.at("timeline"));
    r.errors = json::value_to<error_counts>(o.at("errors"));
    r.missed_limits = json::value_to<std::vector<std::string>>(o.at("missed_limits"));
    return r;
}

} // namespace

std::string to_json(const report& r) {
    const json::object o{
        {"verdict", to_string(r.outcome)},
        {"exit_code", r.exit_code},
        {"interrupted", r.interrupted},
        {"froze", write(r.froze)},
        {"starved", write(r.starved)},
        {"config", write_config(r)},
        {"server", {{"mutex", r.mutex}, {"guard", r.guard}}},
        {"sent", r.sent},
        {"unsent", r.unsent},
        {"expected", r.expected},
        {"delivered", r.delivered},
        {"lost", r.lost},
        {"not_awaited", r.not_awaited},
        {"duplicated", r.duplicated},
        {"reordered", r.reordered},
        {"slow_readers_closed", r.slow_readers_closed},
        {"closed_by_server", write(r.closed_by_server)},
        {"connections_ended", r.connections_ended},
        {"deliveries_per_s", r.deliveries_per_s ? json::value(*r.deliveries_per_s) : json::value()},
        {"measured_ms", r.measured_ms},
        {"latency_us", write(r.latency_us)},
        {"latency_from_send_us", write(r.latency_from_send_us)},
        {"timeline", write(r.timeline)},
        {"errors", json::value_from(r.errors)},
        {"missed_limits", json::value_from(r.missed_limits)}};
    return with_valid_utf8(json::serialize(o)) + "\n";
}

report report_from_json(std::string_view text) {
    boost::system::error_code error;
    const auto value = json::parse({text.data(), text.size()}, error);
    if (error)
        throw std::runtime_error{"not JSON: " + error.message()};
    try {
        return read_report(value.as_object());
    } catch (const std::exception&) {
        throw std::runtime_error{"not a chat-load report"};
    }
}

} // namespace chat::load
