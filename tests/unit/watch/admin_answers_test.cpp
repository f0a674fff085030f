#include "server/admin/answers.hpp"

#include "server/admin/metrics.hpp"
#include "server/http/web_address.hpp"
#include "server/numbers/quantile.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>

using namespace chat;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

const server_facts facts{.version = "1.2.3",
                         .mutex = "std",
                         .guard = "released",
                         .chat_url = "ws://127.0.0.1:1/",
                         .pid = 7};

admin_sources frozen() {
    admin_sources sources;
    sources.health = [] {
        return health{
            .condition = condition::stalled, .verdict = verdict::deadlock, .for_ms = 300ms};
    };
    sources.last_report = [] { return R"({"verdict":"deadlock"})"; };
    sources.stalls = [](verdict which) { return which == verdict::deadlock ? 2U : 0U; };
    sources.unanswered = [] { return 350ms; };
    return sources;
}

json::object body_of(const admin_answer& answer) {
    return json::parse(answer.body).as_object();
}

std::string metrics_of(const counters& numbers, const admin_sources& sources) {
    return metrics_text(facts, numbers, sources);
}

bool has_line(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

} // namespace

TEST_CASE("/healthz is 200 only while the server is alive") {
    const counters none;
    CHECK(admin_answers{facts, none, {}}.to("/healthz").status == 200);
    const auto answer = admin_answers{facts, none, frozen()}.to("/healthz");
    CHECK(answer.status == 503);
    CHECK(body_of(answer) ==
          json::object{{"status", "stalled"}, {"verdict", "deadlock"}, {"for_ms", 300}});
}

TEST_CASE("/healthz is 200 with the verdict if the loop is congested") {
    const counters none;
    admin_sources sources;
    sources.health = [] {
        return health{.condition = condition::alive, .verdict = verdict::congested, .for_ms = 1ms};
    };
    const auto answer = admin_answers{facts, none, sources}.to("/healthz");
    CHECK(answer.status == 200);
    CHECK(body_of(answer).at("verdict") == "congested");
}

TEST_CASE("/api/stall is the unchanged stall report, or 404 if there is none") {
    const counters none;
    CHECK(admin_answers{facts, none, {}}.to("/api/stall").status == 404);
    CHECK(admin_answers{facts, none, frozen()}.to("/api/stall").body ==
          R"({"verdict":"deadlock"})");
}

TEST_CASE("/api/state names the lock's holder and waiters") {
    const counters none;
    admin_sources sources;
    sources.lock = [](std::size_t most) {
        lock_snapshot lock;
        const auto now = std::chrono::steady_clock::now();
        lock.holder = lock_holder{
            .site = {"say", 3},
            .since = now - 2s,
            .thread = 1,
            .blocks_threads = true,
            .suspended = lock_suspension{std::source_location::current(), "its ack", 0}};
        lock.waiting = 100;
        lock.waiters.assign(
            std::min<std::size_t>(most, 100),
            {.site = {"fan_out"}, .since = now, .thread = 1, .blocks_threads = true});
        return lock;
    };
    sources.name_of = [](std::uint64_t session) { return session == 3 ? "alice" : "?"; };
    const auto state = json::parse(admin_answers{facts, none, sources}.state()).as_object();
    const auto& lock = state.at("lock").as_object();
    const auto& holder = lock.at("holder").as_object();
    CHECK(holder.at("name") == "alice");
    CHECK(holder.at("for_ms").as_int64() >= 2000);
    CHECK(holder.at("awaiting") == "its ack");
    CHECK(holder.at("at").as_string().find("tests/unit/watch/admin_answers_test.cpp:") == 0);
    CHECK(lock.at("waiting") == 100);
    CHECK(lock.at("waiters").as_array().size() < 20);
    CHECK(lock.at("waiters").as_array().front().as_object().at("name") == "");
}

TEST_CASE("/metrics shows the counters and the health") {
    counters numbers;
    numbers.messages.add(41);
    numbers.messages.add();
    numbers.limit_hits.add(limit::write_time);
    numbers.limit_hits.add(limit::frame_flood);
    numbers.refused_shutting_down.add();
    const auto text = metrics_of(numbers, frozen());
    CHECK(has_line(text, R"(chat_build_info{version="1.2.3",mutex="std",guard="released"} 1)"));
    CHECK(has_line(text, "chat_messages_total 42"));
    CHECK(has_line(text, R"(chat_closed_clients_total{reason="slow_reader"} 1)"));
    CHECK(has_line(text, R"(chat_closed_clients_total{reason="frame_flood"} 1)"));
    CHECK(has_line(text, R"(chat_refused_connections_total{reason="shutting_down"} 1)"));
    CHECK(has_line(text, R"(chat_health{status="stalled"} 1)"));
    CHECK(has_line(text, R"(chat_stalls_total{verdict="deadlock"} 2)"));
    CHECK(has_line(text, "chat_unhealthy_seconds 0.3"));
    CHECK(has_line(text, "chat_loop_unanswered_seconds 0.35"));
}

TEST_CASE(
    "a histogram's buckets in /metrics are cumulative, and the last one includes all values") {
    const counters none;
    admin_sources sources;
    sources.lag = [] {
        histogram lag;
        for (const auto time : {1us, 2us, 2us, 100'000'000us})
            lag.record(time);
        return lag;
    };
    const auto text = metrics_of(none, sources);
    CHECK(has_line(text, R"(chat_loop_lag_seconds_bucket{le="1e-06"} 1)"));
    CHECK(has_line(text, R"(chat_loop_lag_seconds_bucket{le="2e-06"} 3)"));
    CHECK(has_line(text, R"(chat_loop_lag_seconds_bucket{le="+Inf"} 4)"));
    CHECK(has_line(text, "chat_loop_lag_seconds_count 4"));
}

TEST_CASE("record_with_missed adds the measurements that a long time prevented") {
    histogram lag;
    lag.record_with_missed(0ms, 50ms);
    lag.record_with_missed(49ms, 50ms);
    CHECK(lag.count == 2);
    lag.record_with_missed(200ms, 50ms); // also records 150, 100 and 50 ms
    CHECK(lag.count == 6);
    CHECK(lag.sum_ns == 549'000'000);
}

TEST_CASE("a quantile is the limit of the bucket that contains it") {
    histogram times;
    CHECK(quantile(times, 0.99) == 0us);
    for (int i = 0; i < 99; ++i)
        times.record(3us);
    const auto before = times;
    times.record(1'000us);
    CHECK(quantile(times, 0.5) == 4us);
    CHECK(quantile(times, 0.99) == 4us);
    CHECK(quantile(times, 1.0) == 1'024us);
    CHECK(added_since(before, times).count == 1);
    CHECK(quantile(added_since(before, times), 0.5) == 1'024us);
}

TEST_CASE("only hosts that another site's page cannot use are trusted") {
    const std::vector<std::string> names = {"chat.example"};
    const auto is_trusted = [&](std::string_view header) {
        const auto host = parse_address(header);
        return host && is_trusted_host(host->host, names);
    };
    for (const auto* host :
         {"localhost", "LOCALHOST:8081", "a.localhost", "127.0.0.1", "10.0.0.7:80", "[::1]",
          "[::1]:8081", "[0:0::1]", "chat.example", "Chat.Example:8081"})
        CHECK_MESSAGE(is_trusted(host), host);
    for (const auto* host : {"", ":", "::1", "example", "localhost.example", "127.0.0.1.example",
                             "evil-localhost", "x.chat.example", "chat.example.", "[::1",
                             "[localhost]", "1.2.3.4.5", "1.2.3.4:99x", "localhost:-1", "[::1]:x",
                             "localhost@evil.example", "localhost:80@evil.example", "[::1]evil"})
        CHECK_MESSAGE(!is_trusted(host), host);
}
