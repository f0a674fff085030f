// The command line: valid options, and one line of advice for every mistake.
#include "client/options.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <vector>

using namespace chat::load;
using namespace std::chrono_literals;

namespace {

auto parse(std::initializer_list<const char*> arguments) {
    std::vector<const char*> argv{"chat-load"};
    argv.insert(argv.end(), arguments);
    return parse_command_line(static_cast<int>(argv.size()), argv.data());
}

load_options load(std::initializer_list<const char*> arguments) {
    return std::get<load_options>(parse(arguments));
}

std::string mistake(std::initializer_list<const char*> arguments) {
    const auto parsed = parse(arguments);
    REQUIRE(std::holds_alternative<usage>(parsed));
    const auto& answer = std::get<usage>(parsed);
    CHECK(answer.code == usage_error);
    CHECK(answer.text.find('\n') == std::string::npos);
    return answer.text;
}

} // namespace

TEST_CASE("the default is 50 clients, one of them sending, for five seconds") {
    const auto options = load({});
    CHECK(options.url == "ws://127.0.0.1:8080/");
    CHECK(options.clients == 50);
    CHECK(options.senders == 1);
    CHECK(options.duration == 5s);
    CHECK(options.expected == verdict::alive);
}

TEST_CASE("flags set the options") {
    const auto options =
        load({"--clients", "7", "--rate", "0.5", "--timeout", "250ms", "--duration", "2m",
              "--expect", "frozen", "--max-p99", "1.5s", "--quiet"});
    CHECK(options.clients == 7);
    CHECK(options.rate == 0.5);
    CHECK(options.timeout == 250ms);
    CHECK(options.duration == 2min);
    CHECK(options.expected == verdict::frozen);
    CHECK(options.max_p99 == 1500ms);
    CHECK(options.quiet);
}

TEST_CASE("a window requires the closed loop") {
    CHECK(load({}).window == 1);
    CHECK(load({"--window", "16"}).window == 16);
    CHECK(mistake({"--window", "0"}).find("--window") != std::string::npos);
    CHECK(mistake({"--window", "2", "--rate", "100"}).find("--rate") != std::string::npos);
}

TEST_CASE("compare takes two files") {
    const auto parsed = parse({"compare", "a.json", "b.json", "--html", "c.html"});
    REQUIRE(std::holds_alternative<compare_options>(parsed));
    CHECK(std::get<compare_options>(parsed).left == "a.json");
    CHECK(std::get<compare_options>(parsed).right == "b.json");
    CHECK(std::get<compare_options>(parsed).html == "c.html");
    mistake({"compare", "a.json"});
}

TEST_CASE("errors name the flag and the expected value") {
    CHECK(mistake({"--clients", "0"}).find("--clients") != std::string::npos);
    CHECK(mistake({"--clients", "-1"}).find("--clients") != std::string::npos);
    CHECK(mistake({"--clients", "1.5"}).find("whole number") != std::string::npos);
    CHECK(mistake({"--clients", "many"}).find("whole number") != std::string::npos);
    CHECK(mistake({"--duration", "5"}).find("5s") != std::string::npos);
    CHECK(mistake({"--duration", "0s"}).find("--duration") != std::string::npos);
    CHECK(mistake({"--duration", "-5s"}).find("--duration") != std::string::npos);
    CHECK(mistake({"--duration", "99999999m"}).find("--duration") != std::string::npos);
    CHECK(mistake({"--rate", "-1"}).find("--rate") != std::string::npos);
    CHECK(mistake({"--rate", "nan"}).find("--rate") != std::string::npos);
    CHECK(mistake({"--expect", "dead"}).find("frozen") != std::string::npos);
    CHECK(mistake({"--url", "http://127.0.0.1/"}).find("ws://") != std::string::npos);
    CHECK(mistake({"--senders", "51"}).find("--clients 50") != std::string::npos);
    CHECK(mistake({"--message-bytes", "5000"}).find("4096") != std::string::npos);
    CHECK(mistake({"--no-such-flag"}).find("--no-such-flag") != std::string::npos);
    CHECK(mistake({"--clients"}).find("--clients") != std::string::npos);
}

TEST_CASE("durations have an upper limit") {
    for (const auto* time : {"1e9m", "1e300s", "1e999s", "inf s", "nans", "1441m", "86401s"})
        for (const auto* flag : {"--duration", "--warmup", "--timeout", "--connect-timeout"})
            CHECK(mistake({flag, time}).find(flag) != std::string::npos);
    CHECK(load({"--duration", "1440m"}).duration == 24h);
    CHECK(mistake({"--rate", "1e-400"}).find("--rate") != std::string::npos);
}

TEST_CASE("standard output takes at most one report") {
    CHECK(load({"--json", "-"}).json == "-");
    CHECK(mistake({"--json", "-", "--html", "-"}).find("--html") != std::string::npos);
}

TEST_CASE("asking for the version is not an error") {
    const auto parsed = parse({"--version"});
    CHECK(std::get<usage>(parsed).code == as_expected);
    CHECK(std::get<usage>(parsed).text.starts_with("chat-load 1."));
}

TEST_CASE("asking for help is not an error") {
    for (const auto* flag : {"--help", "-h"}) {
        const auto parsed = parse({flag});
        CHECK(std::get<usage>(parsed).code == as_expected);
        CHECK(std::get<usage>(parsed).text.find("Examples") != std::string::npos);
    }
}

TEST_CASE("URLs are parsed completely or rejected") {
    CHECK(parse_url("ws://localhost")->port == 80);
    CHECK(parse_url("ws://localhost")->path == "/");
    CHECK(parse_url("ws://[::1]:8080/chat?name=x")->host == "::1");
    CHECK(parse_url("ws://[::1]:8080/chat?name=x")->port == 8080);
    CHECK(parse_url("ws://[::1]:8080/chat?name=x")->path == "/chat");
    CHECK(parse_url("ws://[::1]:8080/chat?name=x")->query == "name=x");
    for (const auto* text : {"",
                             "ws://",
                             "ws://:8080",
                             "ws://a:0",
                             "ws://a:99999",
                             "ws://a:8x",
                             "wss://a",
                             "127.0.0.1:8080",
                             "ws://[::1",
                             "ws:///path",
                             "ws:a",
                             "ws:/a",
                             "ws://[::1]x",
                             "ws://::1",
                             "ws://[a]",
                             "ws://[fe80::1%25eth0]",
                             "ws://user@a",
                             "ws://user:word@a",
                             "ws://a b",
                             "ws://a/x y",
                             "ws://a/\r\nX: y",
                             "ws://\xC3\xBC",
                             "ws://a%62",
                             "ws://a\\b",
                             " ws://a"})
        CHECK_FALSE_MESSAGE(parse_url(text), text);
}

TEST_CASE("capitals and a fragment do not change a URL") {
    for (const auto* text : {"ws://chat.lan:8080/x?y", "WS://chat.lan:8080/x?y",
                             "Ws://Chat.LAN:08080/x?y#z", "ws://chat.lan:8080/x?y#a/b?c#d"}) {
        const auto url = parse_url(text);
        REQUIRE_MESSAGE(url, text);
        CHECK(url->host == "chat.lan");
        CHECK(url->port == 8080);
        CHECK(url->path == "/x");
        CHECK(url->query == "y");
    }
    for (const auto* text : {"ws://a", "ws://a/", "ws://a#b", "ws://a/#b?c", "ws://a?"}) {
        const auto url = parse_url(text);
        REQUIRE_MESSAGE(url, text);
        CHECK(url->port == 80);
        CHECK(url->path == "/");
        CHECK(url->query.empty());
    }
    CHECK(parse_url("ws://[0:0:0::0001]:1")->host == "::1");
}
