// The main program of chat-load: reads the command line, resolves the server's name, runs the load and
// writes the report.
#include "client/foreign_text.hpp"
#include "client/load_run.hpp"
#include "client/options.hpp"
#include "client/output.hpp"
#include "client/report/compare.hpp"
#include "client/report/page.hpp"
#include "client/report/summary.hpp"
#include "client/self_test.hpp"
#include "client/spawn.hpp"
#include "server/system/streams.hpp"

#include <boost/asio/signal_set.hpp>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <functional>
#include <stdexcept>

#include <sys/resource.h>
#include <unistd.h>

namespace chat::load {

namespace {

exit_code complain(std::string_view what) {
    try {
        print(STDERR_FILENO, fmt::format("chat-load: {}\n", visible(what)));
    } catch (const std::exception&) { // standard error is not writable either
    }
    return could_not_run;
}

/// Raises the limit of open files, because every client is a file descriptor. Throws if the system
/// allows too few.
void allow_open_files(std::uint64_t needed) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < needed)
        throw std::runtime_error{
            fmt::format("this many clients need {} open files, but the system allows {}: "
                        "use fewer --clients, or raise the limit (ulimit -Hn)",
                        needed, limit.rlim_max)};
    limit.rlim_cur = std::max<rlim_t>(limit.rlim_cur, needed);
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

server_address resolve(asio::io_context& loop, const ws_url& url) {
    asio::ip::tcp::resolver resolver{loop};
    boost::system::error_code error;
    const auto found = resolver.resolve(url.host, std::to_string(url.port), error);
    if (error)
        throw std::runtime_error{
            fmt::format("cannot find the host '{}': {}", url.host, error.message())};
    const bool is_v6 = url.host.find(':') != std::string::npos;
    server_address server{
        .endpoints = {},
        .host = fmt::format("{}:{}", is_v6 ? "[" + url.host + "]" : url.host, url.port),
        .path = url.path,
        .query = url.query};
    for (const auto& entry : found)
        if (std::ranges::find(server.endpoints, entry.endpoint()) == server.endpoints.end())
            server.endpoints.push_back(entry.endpoint());
    return server;
}

progress_line progress_on_terminal(bool quiet) {
    if (quiet || !takes_escapes(STDERR_FILENO))
        return [](std::uint32_t, std::uint32_t) {};
    return [](std::uint32_t done, std::uint32_t total) {
        if (done == total)
            std::fputs("\r\x1b[K", stderr);
        else if (done % 50 == 1)
            std::fprintf(stderr, "\rjoining: %u of %u clients", done, total);
    };
}

/// Handles signals: the first Ctrl-C ends the run early and still writes the report, the second kills
/// the program. SIGHUP (the terminal closed) acts like the first Ctrl-C. A shell that exits sends SIGHUP
/// again, so SIGHUP stays handled.
class run_signals {
public:
    run_signals(asio::io_context& loop, load_run& run)
        : set_{loop, SIGINT, SIGTERM} {
        if (!is_ignored(SIGHUP)) // nohup ignores it
            set_.add(SIGHUP);
        set_.async_wait([this, &run](boost::system::error_code error, int) {
            if (error)
                return;
            run.interrupt();
            stop_listening();
        });
    }

    /// Restores the default: from now on Ctrl-C kills the program.
    void stop_listening() {
        set_.cancel();
        set_.remove(SIGINT);
        set_.remove(SIGTERM);
    }

private:
    asio::signal_set set_;
};

task<> run_to_end(load_run& run, run_signals& signals) {
    co_await run.conduct();
    signals.stop_listening();
}

/// Writes the results of a run. A destination that fails does not stop the next one.
class results {
public:
    /// Returns false if writing failed; the error has been printed.
    bool write(const std::function<void()>& writing) {
        try {
            writing();
            return true;
        } catch (const std::exception& error) {
            complain(error.what());
            return all_written_ = false;
        }
    }

    exit_code code_or_failure(int code) const {
        return all_written_ ? static_cast<exit_code>(code) : could_not_run;
    }

private:
    bool all_written_ = true;
};

exit_code run_load(const load_options& options) {
    constexpr std::uint64_t files_besides_clients = 32;
    allow_open_files(options.clients + options.slow_readers + files_besides_clients);
    report_file json{options.json};
    report_file html{options.html};

    asio::io_context loop{1};
    load_run run{loop, options, resolve(loop, parse_url(options.url).value()),
                 progress_on_terminal(options.quiet)};
    run_signals signals{loop, run};
    spawn(loop, run_to_end(run, signals));
    while (!run.has_ended())
        loop.run_one();
    // The remaining coroutines have closed connections and end within this time.
    loop.run_for(std::chrono::seconds{1});

    if (run.failure())
        return complain(*run.failure());
    const auto outcome = run.make_report();
    results written;
    const bool stdout_is_taken = json.is_standard_output() || html.is_standard_output();
    const int terminal = stdout_is_taken ? STDERR_FILENO : STDOUT_FILENO;
    if (!options.quiet)
        written.write([&] { print(terminal, summary(outcome, takes_escapes(terminal))); });
    if (json.is_wanted())
        written.write([&] { json.save(to_json(outcome)); });
    if (html.is_wanted())
        written.write([&] { html.save(page({&outcome, 1})); });
    return written.code_or_failure(outcome.exit_code);
}

exit_code run_compare(const compare_options& options) {
    const std::array reports{read_report_file(options.left), read_report_file(options.right)};
    report_file html{options.html};
    const int terminal = html.is_standard_output() ? STDERR_FILENO : STDOUT_FILENO;
    results written;
    written.write(
        [&] { print(terminal, compare(reports[0], reports[1], takes_escapes(terminal))); });
    if (html.is_wanted())
        written.write([&] { html.save(page(reports)); });
    return written.code_or_failure(as_expected);
}

exit_code run_self_test() {
    allow_open_files(1024);
    print(STDOUT_FILENO, self_test());
    return as_expected;
}

exit_code run_command(int argc, const char* const* argv) {
    const auto command = parse_command_line(argc, argv);
    if (const auto* load = std::get_if<load_options>(&command))
        return load->self_test ? run_self_test() : run_load(*load);
    if (const auto* comparison = std::get_if<compare_options>(&command))
        return run_compare(*comparison);
    const auto& nothing_to_run = std::get<usage>(command);
    if (nothing_to_run.code != as_expected)
        complain(nothing_to_run.text);
    else
        print(STDOUT_FILENO, nothing_to_run.text);
    return nothing_to_run.code;
}

} // namespace

} // namespace chat::load

int main(int argc, char** argv) {
    chat::load::prepare_standard_streams();
    try {
        return chat::load::run_command(argc, argv);
    } catch (const std::exception& error) {
        return chat::load::complain(error.what());
    }
}
