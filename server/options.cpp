#include "server/options.hpp"

#include "server/chat/room.hpp"
#include "server/http/web_address.hpp"
#include "server/numbers/duration.hpp"
#include "server/numbers/whole_number.hpp"

#include <CLI/CLI.hpp>
#include <spdlog/spdlog.h>

#include <iostream>
#include <optional>
#include <string_view>

namespace chat {

namespace {

constexpr int exit_usage = 2;

constexpr const char* summary =
    "A WebSocket chat server on one thread. The lock of its shared message buffer is a std::mutex "
    "or an\n"
    "async mutex, chosen at compile time (CMake: CHAT_MUTEX, CHAT_GUARD).\n";

constexpr const char* examples_and_codes = R"(
Examples:
  chat-server                          chat on ws://127.0.0.1:8080/
                                       and a live page on http://127.0.0.1:8081/
  chat-server --port 0 --admin-port 0  on free ports, printed on stdout
  chat-server --write-timeout 3s       close a client that reads nothing for 3 seconds
  chat-server --check-locks warn       say which task is suspended with a std::mutex locked, and where

When the server accepts connections, it prints one line on stdout. Logs go to stderr:
  ready chat=ws://127.0.0.1:8080/ admin=http://127.0.0.1:8081/ mutex=async guard=across_await pid=123

Exit codes:
  0  clean shutdown: SIGINT, SIGTERM or SIGHUP (a second one ends at once)
  1  could not start (for example: the port is in use), or could not continue
  2  a wrong command line
  3  the loop was frozen: with --on-stall exit, or at a signal
  SIGABRT with --check-locks abort: a task was suspended with a std::mutex locked)";

// These checks replace CLI11's, which say what is wrong, but not what to write instead.

/// Returns nothing if the text is not a duration in whole milliseconds.
std::optional<std::chrono::milliseconds> parse_milliseconds(std::string_view text) {
    using std::chrono::milliseconds;
    const auto span = parse_duration(text);
    if (!span || *span % milliseconds{1} != std::chrono::nanoseconds{0})
        return {};
    return std::chrono::duration_cast<milliseconds>(*span);
}

/// Formats a duration as an option takes it: `250ms`, `2s`, `1m`.
std::string as_text(std::chrono::milliseconds value) {
    const auto ms = value.count();
    return ms % 60'000 == 0 ? fmt::format("{}m", ms / 60'000)
           : ms % 1000 == 0 ? fmt::format("{}s", ms / 1000)
                            : fmt::format("{}ms", ms);
}

struct duration_range {
    std::chrono::milliseconds least;
    std::chrono::milliseconds most = std::chrono::hours{24};
};

/// Adds an option whose value is a duration.
void add_duration(CLI::App& app, const std::string& name, std::chrono::milliseconds& value,
                  duration_range allowed, const std::string& help) {
    const auto check = [allowed](std::string& text) {
        const auto span = parse_milliseconds(text);
        return span && *span >= allowed.least && *span <= allowed.most
                   ? std::string{}
                   : fmt::format(
                         "'{}' is not a duration from {} to {} in whole milliseconds: write a "
                         "number and ms, s or m, as in 250ms",
                         text, as_text(allowed.least), as_text(allowed.most));
    };
    app.add_option_function<std::string>(
           name, [&value](const std::string& text) { value = *parse_milliseconds(text); }, help)
        ->check(CLI::Validator{check, ""})
        ->type_name("DURATION")
        ->default_str(as_text(value));
}

CLI::Validator ip_address() {
    return {[](std::string& text) {
                boost::system::error_code unusable;
                asio::ip::make_address(text, unusable);
                return unusable
                           ? fmt::format(
                                 "'{}' is not an IP address: write 127.0.0.1, 0.0.0.0 or ::1", text)
                           : std::string{};
            },
            ""};
}

/// Returns why no page can have this Origin, and what to write instead. Empty if a page can.
std::string problem_of_origin(const std::string& text) {
    if (text == "*")
        return {};
    if (text == "null")
        return "'null' is the Origin of every sandboxed page: write * if any page may connect";
    const auto url = parse_web_url(text);
    if (!url && text.find("://") == std::string::npos)
        return fmt::format("'{}' has no scheme: write https://HOST, as browsers do", text);
    if (!url)
        return fmt::format("'{}' is not an Origin: write SCHEME://HOST or SCHEME://HOST:PORT. The "
                           "host is an ASCII name or an IP address, the port is from 1 to 65535",
                           text);
    if (!url->rest.empty() && url->rest != "/")
        return fmt::format("'{}' has a path, but an Origin does not: write {}", text,
                           text.substr(0, text.size() - url->rest.size()));
    if (url->scheme == "ws" || url->scheme == "wss")
        return fmt::format("'{}' is an address that pages connect to, but an Origin is the site "
                           "that they come from: "
                           "write http{}",
                           text, text.substr(2));
    return {};
}

/// Returns why no request can name this host, and what to write instead. Empty if a request can.
std::string problem_of_host(const std::string& text) {
    const auto address = parse_address(text);
    if (!address)
        return fmt::format("'{}' is not a host: write one ASCII name without a scheme or a path, "
                           "such as chat.example",
                           text);
    if (text.back() == ':' || address->port)
        return fmt::format("'{}' has a port, but the host is allowed with any port: write {}", text,
                           text.substr(0, text.rfind(':')));
    return {};
}

CLI::Validator without(std::string (*problem)(const std::string&)) {
    return {[problem](std::string& text) { return problem(text); }, ""};
}

void allow(handshake_limits& limits, const std::string& origin) {
    if (origin == "*")
        limits.any_origin = true;
    else
        limits.allowed_origins.push_back(parse_origin(origin).value());
}

std::string version() {
    const auto [mutex, guard] = room::built_with();
    return fmt::format("chat-server {} mutex={} guard={}", CHAT_VERSION, mutex, guard);
}

} // namespace

std::variant<server_options, int> parse_server_options(int argc, char** argv) {
    server_options options;
    std::string address = "127.0.0.1";
    std::uint16_t port = 8080;
    std::string admin_address = "127.0.0.1";
    std::uint16_t admin_port = 8081;
    bool no_admin = false;
    std::vector<std::string> admin_hosts;
    std::vector<std::string> origins;
    std::string on_stall = "report";
    std::string check_locks = "off";
    using std::chrono::milliseconds;
    using std::chrono::minutes;

    CLI::App app{summary, "chat-server"};
    app.footer(examples_and_codes);
    app.set_version_flag("--version", version());
    app.option_defaults()->always_capture_default();
    app.add_option("--address", address,
                   "IP address to listen on; the default is reachable only from this machine")
        ->check(ip_address());
    app.add_option("--port", port, "TCP port, 0 for a free one")->check(whole_number(0, 65'535));
    app.add_option("--admin-address", admin_address,
                   "IP address of the admin plane: live page, health, metrics. It has no "
                   "authentication")
        ->check(ip_address());
    app.add_option("--admin-port", admin_port, "TCP port of the admin plane, 0 for a free one")
        ->check(whole_number(0, 65'535));
    app.add_option("--admin-host", admin_hosts,
                   "host name of the admin plane, besides localhost and IP addresses")
        ->check(without(problem_of_host));
    app.add_flag("--no-admin", no_admin, "turn the admin plane off");
    app.add_option("--history", options.history.messages,
                   "messages kept for new clients and slow readers")
        ->check(whole_number(1, 10'000'000));
    app.add_option("--history-bytes", options.history.bytes,
                   "total size of the kept messages in bytes")
        ->check(whole_number(4096, 1 << 30));
    app.add_option("--max-clients", options.clients.clients, "more clients are refused with 503")
        ->check(whole_number(1, 1'000'000));
    app.add_option("--max-per-address", options.clients.clients_per_address,
                   "clients from one IP address, 0 for no limit; more are refused with 429")
        ->check(whole_number(0, 1'000'000));
    app.add_option("--max-message-bytes", options.session.max_message_bytes,
                   "size of a message in bytes; a larger one closes its connection (1009)")
        ->check(whole_number(64, 1 << 20));
    app.add_option(
           "--max-rate", options.session.max_rate,
           "messages per second from one client, 0 for no limit; a faster client is closed (1008)")
        ->check(whole_number(0, 1'000'000));
    app.add_option(
           "--allow-origin", origins,
           "let pages from this Origin connect, such as https://chat.example, besides pages "
           "from loopback and from the server's own host and port; * for any Origin")
        ->check(without(problem_of_origin));
    add_duration(app, "--handshake-timeout", options.session.handshake.time, {milliseconds{100}},
                 "a client whose request is not complete by then is refused with 408");
    add_duration(app, "--idle-timeout", options.session.idle_timeout, {milliseconds{100}},
                 "a client that is silent for this long, even after a ping, is closed (1008)");
    add_duration(app, "--write-timeout", options.session.write_timeout, {milliseconds{100}},
                 "a client that accepts no data for this long is closed (1008)");
    add_duration(app, "--stall-after", options.limits.stall_after, {milliseconds{10}, minutes{1}},
                 "the loop counts as frozen if it has not turned for this long");
    add_duration(
        app, "--starve-after", options.limits.starve_after, {milliseconds{10}},
        "the chat lock counts as starved if one task holds it, or waits for it, for this long");
    app.add_option("--on-stall", on_stall,
                   "what to do when the loop is frozen: report it, or exit with code 3")
        ->check(CLI::IsMember({"report", "exit"}));
    app.add_option("--check-locks", check_locks,
                   "after each handler, look for a suspended task that holds a std::mutex: warn, "
                   "or abort with SIGABRT")
        ->check(CLI::IsMember({"off", "warn", "abort"}));
    const std::map<std::string, fault> faults = {{"deadlock", fault::deadlock},
                                                 {"sleep", fault::sleep},
                                                 {"hang", fault::hang},
                                                 {"spin", fault::spin},
                                                 {"flood", fault::flood}};
    app.add_option("--fault", options.fault,
                   "for tests and examples_and_codes: breaks the loop on purpose")
        ->transform(CLI::CheckedTransformer(faults))
        ->group("");
    app.add_flag("--echo", options.session.echo, "serve /echo, for test suites")->group("");
    app.add_option("--log-level", options.log_level, "lowest level of the log lines on stderr")
        ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}));
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& asked) {
        return app.exit(asked);
    } catch (const CLI::ParseError& error) {
        std::cerr << "chat-server: " << error.what() << " (see chat-server --help)\n";
        return exit_usage;
    }
    options.endpoint = {asio::ip::make_address(address), port};
    if (!no_admin)
        options.admin = asio::ip::tcp::endpoint{asio::ip::make_address(admin_address), admin_port};
    for (const auto& host : admin_hosts)
        options.admin_hosts.push_back(parse_address(host).value().host);
    for (const auto& origin : origins)
        allow(options.session.handshake, origin);
    options.exit_on_stall = on_stall == "exit";
    if (check_locks != "off")
        options.check_locks =
            check_locks == "warn" ? lock_check::mode::warn : lock_check::mode::abort;
    return options;
}

} // namespace chat
