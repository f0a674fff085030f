// chat-load: reads the command line, finds the server, runs the load, writes the report.
#include "client/compare.hpp"
#include "client/load_run.hpp"
#include "client/options.hpp"
#include "client/page.hpp"
#include "client/self_test.hpp"
#include "client/spawn.hpp"
#include "client/summary.hpp"

#include <boost/asio/signal_set.hpp>
#include <spdlog/fmt/fmt.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <stdexcept>

#include <sys/resource.h>
#include <unistd.h>

namespace chat::load {

namespace {

exit_code complain(std::string_view what) {
    std::cerr << "chat-load: " << what << '\n';
    return could_not_run;
}

/// Every client is a file descriptor. Throws when the system allows too few.
void allow_open_files(std::uint64_t needed) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < needed)
        throw std::runtime_error{
            fmt::format("so many clients need {} open files, the system allows {}: "
                        "use fewer --clients, or raise it (ulimit -Hn)",
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
    return {.endpoint = found.begin()->endpoint(),
            .host = fmt::format("{}:{}", url.host, url.port)};
}

/// Before the run, so that nobody measures for an hour and then cannot save it. What is there stays
/// until there is something to replace it.
void require_writable(const std::string& path) {
    if (!path.empty() && !std::ofstream{path, std::ios::app})
        throw std::runtime_error{fmt::format("cannot write to '{}'", path)};
}

void write_file(const std::string& path, const std::string& text) {
    if (!path.empty() && !(std::ofstream{path} << text).flush())
        throw std::runtime_error{fmt::format("cannot write to '{}'", path)};
}

progress_line progress_on_terminal(bool quiet) {
    if (quiet || ::isatty(STDERR_FILENO) != 1)
        return [](std::uint32_t, std::uint32_t) {};
    return [](std::uint32_t done, std::uint32_t total) {
        if (done == total)
            std::fputs("\r\x1b[K", stderr);
        else if (done % 50 == 1)
            std::fprintf(stderr, "\rjoining: %u of %u clients", done, total);
    };
}

/// The first Ctrl-C ends the run and leaves the report, the second ends everything.
void heed_signals(asio::signal_set& signals, load_run& run) {
    signals.async_wait([&](boost::system::error_code error, int) {
        if (error)
            return;
        run.interrupt();
        signals.clear();
    });
}

task<> run_to_end(load_run& run, asio::signal_set& signals) {
    co_await run.conduct();
    signals.cancel();
}

exit_code run_load(const load_options& options) {
    constexpr std::uint64_t files_besides_clients = 32;
    allow_open_files(options.clients + options.slow_readers + files_besides_clients);
    require_writable(options.json);
    require_writable(options.html);

    asio::io_context loop{1};
    const auto server = resolve(loop, parse_url(options.url).value());
    load_run run{loop, options, server, progress_on_terminal(options.quiet)};
    asio::signal_set signals{loop, SIGINT, SIGTERM};
    heed_signals(signals, run);
    spawn(loop, run_to_end(run, signals));
    while (!run.has_ended())
        loop.run_one();
    // What is left are coroutines whose connections are closed; they end within this time.
    loop.run_for(std::chrono::seconds{1});

    if (run.failure())
        return complain(*run.failure());
    const auto outcome = run.make_report();
    write_file(options.json, to_json(outcome));
    write_file(options.html, page({&outcome, 1}));
    if (!options.quiet)
        std::cout << summary(outcome, colours_wanted());
    return static_cast<exit_code>(outcome.exit_code);
}

exit_code run_self_test() {
    allow_open_files(1024);
    std::cout << self_test();
    return as_expected;
}

exit_code run_command(int argc, const char* const* argv) {
    const auto command = parse_command_line(argc, argv);
    if (const auto* load = std::get_if<load_options>(&command))
        return load->self_test ? run_self_test() : run_load(*load);
    if (const auto* comparison = std::get_if<compare_options>(&command)) {
        const std::array reports{read_report_file(comparison->left),
                                 read_report_file(comparison->right)};
        write_file(comparison->html, page(reports));
        std::cout << compare(reports[0], reports[1], colours_wanted());
        return as_expected;
    }
    const auto& nothing_to_run = std::get<usage>(command);
    if (nothing_to_run.code != as_expected)
        complain(nothing_to_run.text);
    else
        std::cout << nothing_to_run.text;
    return nothing_to_run.code;
}

} // namespace

} // namespace chat::load

int main(int argc, char** argv) {
    try {
        return chat::load::run_command(argc, argv);
    } catch (const std::exception& error) {
        return chat::load::complain(error.what());
    }
}
