#include "client/options.hpp"

#include "client/stamp.hpp"
#include "server/http/web_address.hpp"
#include "server/numbers/duration.hpp"
#include "server/numbers/whole_number.hpp"

#include <CLI/CLI.hpp>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <charconv>

namespace chat::load {

namespace {

constexpr std::uint32_t max_message_bytes = 4096; // the server refuses longer texts

constexpr auto description =
    R"(Puts a chat server under load with many WebSocket clients and reports whether the server is alive.

Every client receives every message. For each pair of receiver and sender, chat-load counts messages that
are lost, duplicated or out of order. It measures how long each delivery takes, and reaches one of three
verdicts:

  alive    messages arrive
  starved  no message arrives for --timeout, but the server answers pings or completes a new handshake
  frozen   messages are in flight, and nothing comes back: no message, no pong, no handshake

A refused handshake does not prove that the server is alive, because a proxy may refuse clients on behalf
of a frozen server. If the server closes a client, the report names the close code and the reason; the
missing messages of that client do not count as starvation.)";

constexpr auto examples = R"(Examples:
  chat-load                                   50 clients; one of them sends as fast as it gets replies
  chat-load --expect frozen --timeout 1s      succeeds if the server freezes
  chat-load --rate 2000 --senders 10          2000 messages per second in total, whether or not the
                                              server keeps up; latency counts from the planned time
  chat-load --clients 100 --senders 10 --window 16
                                              each sender keeps up to 16 messages outstanding
  chat-load --slow-readers 1 --duration 20s --message-bytes 4000
                                              one additional client that joins and never reads
  chat-load --max-p99 20ms --json run.json --html run.html
  chat-load compare before.json after.json    two reports side by side

With --rate 0 the loop is closed: each sender waits until its own message has come back, or with
--window N until one of its last N messages has. With --rate N the loop is open: messages that wait for
a slow server count with their waiting time.
In the report, froze.after_messages is the message at which delivery stopped: 1 is the first message,
N + 1 means that N messages had reached at least one client.

"lost" counts deliveries that will certainly not happen: a later message arrived instead, or the server
announced the loss. "not_awaited" counts deliveries still pending when chat-load stopped waiting. A limit
such as --max-p99 counts as missed if nothing was measured. If Ctrl-C or a closed terminal ends the run,
the report says "interrupted", and the verdict covers the run so far. --json - and --html - write to
standard output; the summary then goes to standard error.

Exit codes:
  0  as expected (--expect, alive by default)          4  alive, but another verdict was expected
  1  could not run or could not write the results;     5  a limit was missed; a message was lost,
     interrupted; or all connections ended                duplicated or out of order; or a client did
  2  wrong command line                                   not stay connected
  3  frozen                                            6  starved)";

/// CLI11's errors say what is wrong; this says what to do.
constexpr auto advice = "; see chat-load --help";

CLI::Validator duration_check() {
    return {[](std::string& text) {
                return parse_duration(text)
                           ? std::string{}
                           : fmt::format(
                                 "'{}' is not a duration: write 250ms, 5s or 2m, up to 1440m",
                                 text);
            },
            "TIME"};
}

CLI::Validator positive_duration_check() {
    return {[](std::string& text) {
                const auto span = parse_duration(text);
                return span && *span >= std::chrono::milliseconds{1}
                           ? std::string{}
                           : fmt::format(
                                 "'{}' is not a duration from 1ms to 1440m: write 250ms, 5s "
                                 "or 2m",
                                 text);
            },
            "TIME"};
}

CLI::Validator url_check() {
    return {[](std::string& text) {
                return parse_url(text)
                           ? std::string{}
                           : fmt::format("'{}' is not an address: write ws://HOST:PORT/", text);
            },
            "URL"};
}

CLI::Validator count_check(std::uint32_t least, std::uint32_t most) {
    return whole_number(least, most).description("N");
}

/// Checks the rate; CLI::Range would accept "nan".
CLI::Validator rate_check() {
    static constexpr double most = 1e7;
    return {[](std::string& text) {
                double rate = 0;
                const auto* const last = text.data() + text.size();
                const auto [end, error] = std::from_chars(text.data(), last, rate);
                const bool fits = error == std::errc{} && end == last && rate >= 0 && rate <= most;
                return fits ? std::string{}
                            : fmt::format("'{}' is not a number from 0 to {:.0f}", text, most);
            },
            "N"};
}

void add_duration(CLI::App& app, const std::string& flag, nanoseconds& target,
                  const std::string& text, const CLI::Validator& check) {
    app.add_option_function<std::string>(
           flag, [&target](const std::string& value) { target = *parse_duration(value); }, text)
        ->check(check)
        ->type_name("TIME");
}

void add_limit(CLI::App& app, const std::string& flag, std::optional<nanoseconds>& target,
               const std::string& text) {
    app.add_option_function<std::string>(
           flag, [&target](const std::string& value) { target = parse_duration(value); }, text)
        ->check(positive_duration_check())
        ->type_name("TIME");
}

void add_load_options(CLI::App& app, load_options& load) {
    app.add_option("--url", load.url, "the server [ws://127.0.0.1:8080/]")->check(url_check());
    app.add_option("--clients", load.clients, "number of clients [50]")
        ->check(count_check(1, 100'000));
    app.add_option("--senders", load.senders, "how many of the clients send [1]")
        ->check(count_check(1, 100'000));
    app.add_option("--slow-readers", load.slow_readers,
                   "additional clients that join and never read [0]")
        ->check(count_check(0, 10'000));
    app.add_option("--window", load.window, "closed loop: outstanding messages per sender [1]")
        ->check(count_check(1, 1000));
    app.add_option("--rate", load.rate, "total messages per second; 0: closed loop [0]")
        ->check(rate_check());
    app.add_option("--message-bytes", load.message_bytes, "length of a message's text [64]")
        ->check(count_check(min_message_bytes, max_message_bytes));
    add_duration(app, "--duration", load.duration, "sending time after the warm-up [5s]",
                 positive_duration_check());
    add_duration(app, "--warmup", load.warmup, "sending time before the measurement starts [0s]",
                 duration_check());
    add_duration(app, "--timeout", load.timeout,
                 "how long silence lasts before it counts as a freeze [2s]",
                 positive_duration_check());
    add_duration(app, "--connect-timeout", load.connect_timeout,
                 "time limit for each client to join [5s]", positive_duration_check());
    app.add_option_function<std::string>(
           "--expect",
           [&load](const std::string& value) { load.expected = verdict_named(value).value(); },
           "alive, starved or frozen [alive]")
        ->check(CLI::IsMember({"alive", "starved", "frozen"}));
    add_limit(app, "--max-p50", load.max_p50,
              "fail if more than half of the deliveries take longer");
    add_limit(app, "--max-p99", load.max_p99, "fail if more than 1 in 100 deliveries takes longer");
    add_limit(app, "--max-p999", load.max_p999,
              "fail if more than 1 in 1000 deliveries takes longer");
    app.add_option("--json", load.json, "write the report to this file; - is standard output")
        ->type_name("FILE");
    app.add_option("--html", load.html, "write the report as a web page; - is standard output")
        ->type_name("FILE");
    app.add_flag("--quiet", load.quiet, "print errors only");
    app.add_flag("--self-test", load.self_test,
                 "measure how many deliveries chat-load can handle, without a server");
}

std::optional<std::string> contradiction(const load_options& load) {
    if (load.json == "-" && load.html == "-")
        return "--json - and --html - cannot share standard output: give one of them a file";
    if (load.senders > load.clients)
        return fmt::format(
            "--senders {} is more than --clients {}: the senders are some of the clients",
            load.senders, load.clients);
    if (load.window > 1 && load.rate > 0)
        return fmt::format(
            "--window {} applies to the closed loop: with --rate, senders do not wait for replies",
            load.window);
    constexpr std::uint64_t most_pairs = 50'000'000;
    if (std::uint64_t{load.senders} * load.clients > most_pairs)
        return fmt::format(
            "--clients {} times --senders {} is too many pairs to track: the limit is {}",
            load.clients, load.senders, most_pairs);
    return {};
}

std::string one_line(std::string text) {
    return text.substr(0, text.find('\n'));
}

} // namespace

std::optional<ws_url> parse_url(std::string_view text) {
    // A space or a control character would break the request line.
    const bool fits_in_a_line = std::ranges::all_of(
        text, [](char c) { return static_cast<unsigned char>(c) > ' ' && c != '\x7f'; });
    auto parsed = parse_web_url(text);
    if (!fits_in_a_line || !parsed || parsed->scheme != "ws")
        return {};
    if (text.substr(0, text.size() - parsed->rest.size()).ends_with(':'))
        return {}; // the port is missing
    const auto target = parsed->rest.substr(0, parsed->rest.find('#'));
    const auto question = std::min(target.find('?'), target.size());
    ws_url url;
    url.host = std::move(parsed->address.host);
    url.port = parsed->address.port.value_or(*default_port(parsed->scheme));
    if (question > 0)
        url.path = target.substr(0, question);
    if (question < target.size())
        url.query = target.substr(question + 1);
    return url;
}

std::variant<load_options, compare_options, usage> parse_command_line(int argc,
                                                                      const char* const* argv) {
    load_options load;
    compare_options comparison;
    CLI::App app{description, "chat-load"};
    app.footer(examples);
    app.get_formatter()->column_width(28);
    app.set_version_flag("--version", "chat-load " CHAT_VERSION);
    add_load_options(app, load);
    auto* compare = app.add_subcommand("compare", "two reports side by side");
    compare->add_option("A.json", comparison.left, "a report written with --json")->required();
    compare->add_option("B.json", comparison.right, "a second report")->required();
    compare->add_option("--html", comparison.html, "write the comparison as a web page")
        ->type_name("FILE");
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        return usage{.code = as_expected, .text = (*compare ? compare : &app)->help()};
    } catch (const CLI::CallForVersion& version) {
        return usage{.code = as_expected, .text = version.what() + std::string{"\n"}};
    } catch (const CLI::ParseError& error) {
        return usage{.text = one_line(error.what()) + advice};
    }
    if (*compare)
        return comparison;
    if (auto problem = contradiction(load))
        return usage{.text = *problem + advice};
    return load;
}

} // namespace chat::load
