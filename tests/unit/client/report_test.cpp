// The JSON report with the keys that scripts rely on; the summary, the comparison and the page.
#include "client/report/compare.hpp"
#include "client/report/page.hpp"
#include "client/report/report.hpp"
#include "client/report/summary.hpp"

#include <boost/json.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>

using namespace chat::load;
namespace json = boost::json;

namespace {

report frozen_run() {
    report run;
    run.outcome = run.expected_outcome = verdict::frozen;
    run.clients = 50;
    run.senders = 1;
    run.mutex = "std";
    run.guard = "across_await";
    run.froze = silence_report{.at_ms = 0.5,
                               .silent_ms = 1000,
                               .after_messages = 1,
                               .clients = 50,
                               .timed_out_clients = 50,
                               .handshake = "timed_out"};
    run.sent = 1;
    run.expected = run.not_awaited = 50;
    run.timeline = {{.t_ms = 20, .sent = 1, .delivered = 0, .in_flight = 1}};
    return run;
}

report living_run() {
    report run;
    run.outcome = run.expected_outcome = verdict::alive;
    run.clients = 50;
    run.senders = 1;
    run.window = 16;
    run.mutex = "async";
    run.guard = "across_await";
    run.sent = 1234;
    run.expected = run.delivered = 61'700;
    run.deliveries_per_s = 12'340;
    run.latency_us = {
        .count = 61'700, .p50 = 900, .p90 = 1000, .p99 = 2000, .p999 = 3000, .max = 4000.5};
    run.errors = {{"connection: <reset>", 2}};
    run.timeline = {{.t_ms = 20, .sent = 1234, .delivered = 61'700, .in_flight = 0}};
    return run;
}

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("the report has the keys that scripts rely on") {
    const auto o = json::parse(to_json(frozen_run())).as_object();
    for (const auto* key :
         {"verdict", "froze", "config", "server", "sent", "expected", "delivered", "lost",
          "not_awaited", "duplicated", "reordered", "closed_by_server", "deliveries_per_s",
          "latency_us", "latency_from_send_us", "timeline", "errors"})
        CHECK_MESSAGE(o.contains(key), key);
    CHECK(o.at("verdict") == "frozen");
    const auto& froze = o.at("froze").as_object();
    CHECK(froze.at("at_ms") == 0.5);
    CHECK(froze.at("after_messages") == 1);
    CHECK(froze.at("timed_out_clients") == 50);
    CHECK(froze.at("handshake") == "timed_out");
    CHECK(o.at("server").at("mutex") == "std");
    CHECK(o.at("server").at("guard") == "across_await");
    const auto& point = o.at("timeline").at(0).as_object();
    CHECK(point.at("t_ms") == 20.0);
    CHECK(point.at("in_flight") == 1);
    for (const auto* key : {"count", "p50", "p90", "p99", "p999", "max"})
        CHECK(o.at("latency_us").as_object().contains(key));
}

TEST_CASE("froze is null if the server stayed alive") {
    CHECK(json::parse(to_json(living_run())).at("froze").is_null());
}

TEST_CASE("a report can be written to JSON and read back") {
    for (const auto& run : {frozen_run(), living_run()})
        CHECK(to_json(report_from_json(to_json(run))) == to_json(run));
}

TEST_CASE("missing keys of an old report get default values") {
    auto old = json::parse(to_json(living_run()));
    CHECK(old.at("config").at("window") == 16);
    old.at("config").as_object().erase("window");
    for (const auto* key : {"not_awaited", "closed_by_server", "connections_ended"})
        old.as_object().erase(key);
    CHECK(report_from_json(json::serialize(old)).window == 1);
    CHECK(report_from_json(json::serialize(old)).not_awaited == 0);
}

TEST_CASE("text that is not a report is refused") {
    for (const auto* text : {"", "{", "[]", "{}", R"({"verdict":"alive"})"})
        CHECK_THROWS_AS(report_from_json(text), std::runtime_error);
}

TEST_CASE("the summary describes the verdict in words") {
    const auto frozen = summary(frozen_run(), false);
    CHECK(contains(frozen, "FROZEN on the first message\n"));
    CHECK(contains(frozen, "50 of 50 clients received nothing for 1.0 s"));
    CHECK(contains(frozen, "0 of 50 pings answered"));
    CHECK(contains(frozen, "a new handshake did not complete"));
    CHECK(contains(summary(living_run(), false), "ALIVE: 1,234 messages reached all 50 clients"));
}

TEST_CASE("steady deliveries are drawn as a level line, however many points share a character") {
    auto run = living_run();
    for (const std::size_t points : {1U, 59U, 60U, 61U, 100U, 250U}) {
        run.timeline.assign(points, {.t_ms = 20, .sent = 10, .delivered = 500, .in_flight = 1});
        std::string level;
        for (std::size_t i = 0; i < std::min<std::size_t>(points, 60); ++i)
            level += "█";
        CHECK(contains(summary(run, false), "[" + level + "]"));
    }
}

TEST_CASE("messages in flight at an interruption are not reported as lost") {
    auto run = living_run();
    run.interrupted = true;
    run.exit_code = 1;
    run.not_awaited = 46;
    run.expected = run.delivered + run.not_awaited;
    const auto o = json::parse(to_json(run)).as_object();
    CHECK(o.at("interrupted") == true);
    CHECK(o.at("lost") == 0);
    CHECK(o.at("not_awaited") == 46);
    CHECK(contains(compare(run, living_run(), false), "INTERRUPTED"));
    const auto text = summary(run, false);
    CHECK(contains(text, "INTERRUPTED after 1,234 messages\n"));
    CHECK(contains(text, "(46 pending, 0 duplicated"));
    CHECK_FALSE(contains(text, "lost"));
    CHECK_FALSE(contains(text, "ALIVE")); // too early for a verdict
    run.duplicated = 1;
    CHECK(contains(summary(run, false), "1 duplicated"));
}

TEST_CASE("messages that a frozen server holds back are pending, not lost") {
    CHECK(contains(summary(frozen_run(), false), "0 of 50 (50 pending, 0 duplicated"));
}

TEST_CASE("a value that was not measured is null in the report and is not shown as zero") {
    auto run = living_run();
    run.duration_ms = 1500;
    run.latency_us = {};
    run.deliveries_per_s.reset();
    const auto o = json::parse(to_json(run)).as_object();
    CHECK(o.at("deliveries_per_s").is_null());
    CHECK(o.at("latency_us").at("count") == 0);
    for (const auto* key : {"p50", "p90", "p99", "p999", "max"})
        CHECK(o.at("latency_us").at(key).is_null());
    CHECK(to_json(report_from_json(to_json(run))) == to_json(run));
    const std::array runs{run};
    for (const auto& text : {summary(run, false), compare(run, run, false), page(runs)}) {
        CHECK_FALSE(contains(text, "0 ns"));
        CHECK_FALSE(contains(text, "0 per second"));
    }
    CHECK(contains(summary(run, false), "nothing was measured"));
}

TEST_CASE("a client closed by the server is listed once, with code and reason") {
    auto run = living_run();
    run.exit_code = missed_limits;
    run.connections_ended = 1;
    run.closed_by_server = {{.clients = 1, .code = 1008, .reason = "too fast"}};
    run.errors = {{"connection: closed by the server (1008 too fast)", 1}};
    const auto text = summary(run, false);
    CHECK(contains(text, "ALIVE, but 1 of 50 clients did not stay connected"));
    CHECK(contains(text, "1 of 50 clients closed by the server (1008 too fast)\n"));
    CHECK_FALSE(contains(text, "connection:"));
    const auto closed = json::parse(to_json(run)).at("closed_by_server").at(0);
    CHECK(closed == json::value{{"clients", 1}, {"code", 1008}, {"reason", "too fast"}});
    CHECK(to_json(report_from_json(to_json(run))) == to_json(run));
}

TEST_CASE("foreign bytes are escaped on output, and every report is JSON") {
    const std::string rude = "\x1b]0;owned\x07<b>\xff\xc3\xb6";
    auto run = living_run();
    run.name = run.url = run.mutex = run.guard = rude;
    run.errors = {{rude, 1}};
    run.closed_by_server = {{.clients = 1, .code = 1008, .reason = rude}};
    run.missed_limits = {rude};
    const std::array runs{run};
    for (const auto& text : {summary(run, false), compare(run, run, false), page(runs)}) {
        CHECK(contains(text, "\\x1b]0;owned\\x07"));
        CHECK(contains(text, "\\xff\xc3\xb6"));
        for (const auto* bytes : {"\x1b", "\x07", "\xff"})
            CHECK_FALSE(contains(text, bytes));
    }
    CHECK_FALSE(contains(page(runs), "<b>"));
    const auto back = report_from_json(to_json(run));
    CHECK(back.closed_by_server.at(0).reason == "\x1b]0;owned\x07<b>\\xff\xc3\xb6");
    CHECK(to_json(back) == to_json(run));
}

TEST_CASE("a report with an unknown verdict is not a report") {
    auto value = json::parse(to_json(frozen_run()));
    value.as_object()["verdict"] = "<b>fine</b>";
    CHECK_THROWS_AS(report_from_json(json::serialize(value)), std::runtime_error);
}

TEST_CASE("impossible numbers in a report do no harm") {
    auto value = json::parse(to_json(frozen_run()));
    value.as_object()["deliveries_per_s"] = 1e300;
    value.at("config").as_object()["duration_ms"] = 1e300;
    value.at("froze").as_object()["silent_ms"] = -1e300;
    value.at("froze").as_object()["clients"] = 1;
    const auto run = report_from_json(json::serialize(value));
    const std::array runs{run};
    CHECK(contains(summary(run, false), "0 of 1 ping answered"));
    CHECK(contains(page(runs), "FROZEN"));
    CHECK(contains(compare(run, run, false), "FROZEN"));
}

TEST_CASE("colours appear only on request") {
    CHECK_FALSE(contains(summary(frozen_run(), false), "\x1b"));
    CHECK(contains(summary(frozen_run(), true), "\x1b"));
    CHECK_FALSE(contains(compare(frozen_run(), living_run(), false), "\x1b"));
}

TEST_CASE("a comparison shows every number of both reports under their names") {
    auto left = frozen_run();
    auto right = living_run();
    left.name = "monday";
    right.name = "tuesday";
    const auto table = compare(left, right, false);
    CHECK(table.find("monday") < table.find("tuesday"));
    CHECK(contains(table, "FROZEN"));
    CHECK(contains(table, "ALIVE"));
    CHECK(contains(table, "message 1"));
    CHECK(contains(table, "61,700"));
}

TEST_CASE("the page is self-contained and escapes foreign text") {
    const std::array runs{frozen_run(), living_run()};
    const auto html = page(runs);
    CHECK(contains(html, "FROZEN on the first message"));
    CHECK(contains(html, "ALIVE"));
    CHECK(contains(html, "<svg"));
    CHECK(contains(html, "&#60;reset&#62;"));
    CHECK_FALSE(contains(html, "http"));
}
