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

constexpr std::uint32_t max_message_bytes = 4096; // the server takes no longer text

constexpr auto description =
    R"(Puts a chat server under load with many WebSocket clients, and says whether it lives.

Every message goes to every client. chat-load counts what was lost, doubled or out of order for each
receiver and sender, measures how long each delivery took, and decides by evidence:

  alive    messages come through
  starved  the server answers pings, but no message comes for --timeout
  frozen   messages are in flight, and nothing at all comes back: no message, no pong, no handshake

A handshake that is refused is no sign of life: a proxy does that for a server that is frozen. A client
that the server closes is named, with the close code and reason, and makes nobody starved.)";

constexpr auto examples = R"(Examples:
  chat-load                                   50 clients, one of them talks as fast as it is answered
  chat-load --expect frozen --timeout 1s      succeeds when the server freezes
  chat-load --rate 2000 --senders 10          2000 messages a second in total, whether or not the server
                                              keeps up; latencies count from the planned time
  chat-load --clients 100 --senders 10 --window 16
                                              each sender speaks on with up to 16 messages unanswered
  chat-load --slow-readers 1 --duration 20s --message-bytes 4000
                                              one more client that joins and never reads
  chat-load --max-p99 20ms --json run.json --html run.html
  chat-load compare before.json after.json    two reports side by side

A run with --rate 0 is a closed loop: each sender waits until its own message has come back, or with
--window N until one of its last N has. With --rate N the loop is open: a server that is late is
charged for the messages that had to wait.
froze.after_messages in the report is the message at which delivery stopped: 1 is the first one,
N + 1 when N messages had reached somebody before.

"lost" is what certainly does not come any more: a later message came instead, or the server said so.
What had only not come by the end of waiting is "not_awaited". A limit such as --max-p99 without anything
measured is missed. A run that Ctrl-C or a terminal's end has stopped is "interrupted" in the report: its
verdict is what was seen so far. --json - and --html - write to standard output; the summary then goes to
standard error.

Exit codes:
  0  what was expected (--expect, alive by default)    4  alive, though something else was expected
  1  could not run, or could not write the results;    5  a limit missed; a message lost, doubled or
     interrupted; or all connections ended                out of order; or the server closed a client
  2  usage                                             6  starved
  3  frozen)";

/// CLI11's one-line errors speak of what was wrong; this of what to do.
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
                           : fmt::format("'{}' is no address: write ws://HOST:PORT/", text);
            },
            "URL"};
}

CLI::Validator count_check(std::uint32_t least, std::uint32_t most) {
    return whole_number(least, most).description("N");
}

/// CLI::Range would let "nan" through.
CLI::Validator rate_check() {
    static constexpr double most = 1e7;
    return {[](std::string& text) {
                double rate = 0;
                const auto* const last = text.data() + text.size();
                const auto [end, error] = std::from_chars(text.data(), last, rate);
                const bool fits = error == std::errc{} && end == last && rate >= 0 && rate <= most;
                return fits ? std::string{}
                            : fmt::format("'{}' is no number from 0 to {:.0f}", text, most);
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
    app.add_option("--clients", load.clients, "who listen [50]")->check(count_check(1, 100'000));
    app.add_option("--senders", load.senders, "how many of them talk [1]")
        ->check(count_check(1, 100'000));
    app.add_option("--slow-readers", load.slow_readers, "more clients, who join and never read [0]")
        ->check(count_check(0, 10'000));
    app.add_option("--window", load.window,
                   "closed loop: so many messages of each sender under way at once [1]")
        ->check(count_check(1, 1000));
    app.add_option("--rate", load.rate, "messages a second in total; 0: as fast as answered [0]")
        ->check(rate_check());
    app.add_option("--message-bytes", load.message_bytes, "length of a message's text [64]")
        ->check(count_check(min_message_bytes, max_message_bytes));
    add_duration(app, "--duration", load.duration, "how long to send, after the warm-up [5s]",
                 positive_duration_check());
    add_duration(app, "--warmup", load.warmup, "send so long before measuring [0s]",
                 duration_check());
    add_duration(app, "--timeout", load.timeout, "silence that is a freeze [2s]",
                 positive_duration_check());
    add_duration(app, "--connect-timeout", load.connect_timeout, "for each client to join [5s]",
                 positive_duration_check());
    app.add_option_function<std::string>(
           "--expect", [&load](const std::string& value) { load.expected = verdict_named(value).value(); },
           "alive, starved or frozen [alive]")
        ->check(CLI::IsMember({"alive", "starved", "frozen"}));
    add_limit(app, "--max-p50", load.max_p50, "fail when half of all deliveries take longer");
    add_limit(app, "--max-p99", load.max_p99, "fail when 1 of 100 takes longer");
    add_limit(app, "--max-p999", load.max_p999, "fail when 1 of 1000 takes longer");
    app.add_option("--json", load.json, "write the report to this file; - is standard output")
        ->type_name("FILE");
    app.add_option("--html", load.html, "write a page with the report to this file; - as above")
        ->type_name("FILE");
    app.add_flag("--quiet", load.quiet, "print errors only");
    app.add_flag("--self-test", load.self_test,
                 "no server: show how many deliveries chat-load itself can take");
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
            "--window {} is for the closed loop: with --rate nobody waits for answers",
            load.window);
    constexpr std::uint64_t most_pairs = 50'000'000;
    if (std::uint64_t{load.senders} * load.clients > most_pairs)
        return fmt::format(
            "--clients {} times --senders {} is too much to keep count of: at most {} pairs",
            load.clients, load.senders, most_pairs);
    return {};
}

std::string one_line(std::string text) {
    return text.substr(0, text.find('\n'));
}

} // namespace

std::optional<ws_url> parse_url(std::string_view text) {
    // What is not printable would break the line of the request that has the target.
    const bool is_printable = std::ranges::all_of(
        text, [](char c) { return static_cast<unsigned char>(c) > ' ' && c != '\x7f'; });
    auto parsed = parse_web_url(text);
    if (!is_printable || !parsed || parsed->scheme != "ws")
        return {};
    if (text.substr(0, text.size() - parsed->rest.size()).ends_with(':'))
        return {}; // a port that somebody forgot
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
    compare->add_option("A.json", comparison.left, "a report of --json")->required();
    compare->add_option("B.json", comparison.right, "another one")->required();
    compare->add_option("--html", comparison.html, "write a page to this file")->type_name("FILE");
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
