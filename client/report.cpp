#include "client/report.hpp"

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

// Each part has its two directions side by side, so that they stay alike.

json::object write(const latency_summary& l) {
    return {{"count", l.count}, {"p50", l.p50},   {"p90", l.p90},
            {"p99", l.p99},     {"p999", l.p999}, {"max", l.max}};
}

latency_summary read_latency(const json::value& value) {
    const auto& o = value.as_object();
    const auto us = [&](const char* key) { return o.at(key).to_number<double>(); };
    return {.count = o.at("count").to_number<std::uint64_t>(),
            .p50 = us("p50"),
            .p90 = us("p90"),
            .p99 = us("p99"),
            .p999 = us("p999"),
            .max = us("max")};
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
            {"expect", r.expected_outcome}};
}

void read_config(report& r, const json::value& value) {
    const auto& o = value.as_object();
    const auto count = [&](const char* key) { return o.at(key).to_number<std::uint32_t>(); };
    const auto number = [&](const char* key) { return o.at(key).to_number<double>(); };
    r.url = json::value_to<std::string>(o.at("url"));
    r.clients = count("clients");
    r.senders = count("senders");
    r.slow_readers = count("slow_readers");
    r.window = o.contains("window") ? count("window") : 1; // reports of before there was one
    r.rate = number("rate");
    r.duration_ms = number("duration_ms");
    r.warmup_ms = number("warmup_ms");
    r.timeout_ms = number("timeout_ms");
    r.message_bytes = count("message_bytes");
    r.expected_outcome = json::value_to<std::string>(o.at("expect"));
}

report read_report(const json::object& o) {
    const auto count = [&](const char* key) { return o.at(key).to_number<std::uint64_t>(); };
    report r;
    r.outcome = json::value_to<std::string>(o.at("verdict"));
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
    r.not_awaited = o.contains("not_awaited") ? count("not_awaited") : 0; // the same
    r.duplicated = count("duplicated");
    r.reordered = count("reordered");
    r.slow_readers_closed = count("slow_readers_closed");
    r.deliveries_per_s = o.at("deliveries_per_s").to_number<double>();
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
    const json::object o{{"verdict", r.outcome},
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
                         {"deliveries_per_s", r.deliveries_per_s},
                         {"measured_ms", r.measured_ms},
                         {"latency_us", write(r.latency_us)},
                         {"latency_from_send_us", write(r.latency_from_send_us)},
                         {"timeline", write(r.timeline)},
                         {"errors", json::value_from(r.errors)},
                         {"missed_limits", json::value_from(r.missed_limits)}};
    return json::serialize(o) + "\n";
}

report report_from_json(std::string_view text) {
    boost::system::error_code error;
    const auto value = json::parse({text.data(), text.size()}, error);
    if (error)
        throw std::runtime_error{"no JSON: " + error.message()};
    try {
        return read_report(value.as_object());
    } catch (const std::exception&) {
        throw std::runtime_error{"no report of chat-load"};
    }
}

} // namespace chat::load
