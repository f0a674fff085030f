// chat-server: builds the parts, runs the loop on this thread and the watch on another.
#include "server/chat/listener.hpp"
#include "server/chat/room.hpp"
#include "server/chat/roster.hpp"
#include "server/options.hpp"
#include "server/start_admin.hpp"
#include "server/sync/lock_ledger.hpp"
#include "server/watch/loop_monitor.hpp"
#include "server/watch/server_log.hpp"
#include "server/watch/session_names.hpp"
#include "server/watch/watch_thread.hpp"
#include "server/watch/write_all.hpp"

#include <boost/asio/co_spawn.hpp>
#include <spdlog/fmt/ostr.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

namespace {

using namespace chat;
using namespace std::chrono_literals;

constexpr auto shutdown_deadline = 5s;

int complain(std::string_view reason) {
    the_log().prose().critical("chat-server: {}\n", reason);
    return EXIT_FAILURE;
}

/// Tasks that live as long as the loop end by an exception only, and that is the end of the server.
void end_if_failed(std::exception_ptr failed) {
    if (failed)
        std::rethrow_exception(failed);
}

/// Stops accepting, lets everyone have what was said, says goodbye; cuts off who is left at the
/// deadline.
task<> shut_down(listener& door, room& place, roster& everyone, wire::clock::time_point deadline) {
    spdlog::info("shutting down clients={}", everyone.size());
    door.stop();
    asio::basic_waitable_timer<wire::clock, asio::wait_traits<wire::clock>, loop_executor> cut_off{
        co_await asio::this_coro::executor, deadline};
    cut_off.async_wait([&](error_code cancelled) {
        if (!cancelled)
            door.abort_all();
    });
    co_await place.close();
    everyone.dismiss_all();
    while (door.connections() > 0) {
        door.give_up_handshakes();
        asio::basic_waitable_timer<wire::clock, asio::wait_traits<wire::clock>, loop_executor>
            pause{co_await asio::this_coro::executor, 5ms};
        co_await pause.async_wait(use_task);
    }
    everyone.stop();
    place.stop();
}

/// Every connection is a file descriptor. The soft limit of a shell is often 1024, and is ours to raise.
/// Returns how many connections may be open; throws when none may.
std::size_t allow_open_files(std::size_t connections, bool with_admin) {
    // Our own are 14, and now and then a file of /proc. The admin plane has its share, and so answers
    // when the chat is full.
    const std::size_t besides_connections =
        20 + (with_admin ? admin_server::settings{}.max_connections : 0);
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    ::getrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur <= besides_connections)
        throw std::runtime_error{
            fmt::format("no descriptors are left for clients: the limit is {}, and the "
                        "server keeps {} (see ulimit -Hn)",
                        files.rlim_cur, besides_connections)};
    if (files.rlim_cur < connections + besides_connections)
        spdlog::warn("few descriptors limit={} needed={}: accepting will pause (see ulimit -Hn)",
                     files.rlim_cur, connections + besides_connections);
    return files.rlim_cur - besides_connections;
}

void tell_limits(const limit_counts& struck) {
    for (std::size_t i = 0; i < limit_names.size(); ++i) {
        if (const auto times = struck.of(static_cast<limit>(i)); times > 0)
            spdlog::info("limit struck name={} times={}", limit_names[i], times);
    }
}

/// Port 0 takes a free one. Throws when it can't, with a sentence that says what to do.
listener::acceptor_type listen_on(const asio::ip::tcp::endpoint& where, loop_executor loop) {
    try {
        return {loop, where};
    } catch (const boost::system::system_error& error) {
        const bool in_use = error.code() == asio::error::address_in_use;
        throw std::runtime_error{fmt::format(
            "cannot listen on {}: {}{}", fmt::streamed(where), error.code().message(),
            in_use ? " (another server runs there: choose another --port, or 0 for a free one)"
                   : "")};
    }
}

std::string url_of(const char* scheme, const asio::ip::tcp::endpoint& where) {
    return fmt::format("{}://{}/", scheme, fmt::streamed(where));
}

std::string ready_line(const std::string& chat_url, const std::optional<admin_server>& admin) {
    const auto [mutex, guard] = room::built_with();
    return fmt::format("ready chat={}{} mutex={} guard={} pid={}\n", chat_url,
                       admin ? fmt::format(" admin={}", url_of("http", admin->local_endpoint()))
                             : "",
                       mutex, guard, ::getpid());
}

/// Writes to stdout on a thread of its own: whoever is to read it may never do so, and the chat goes on.
/// A server that can't say that it is ready ends.
void print_without_waiting(std::string line) {
    std::thread{[line = std::move(line)] {
        block_signals_of_this_thread();
        if (write_all(STDOUT_FILENO, line) < line.size())
            end_process(complain(fmt::format("cannot print that it is ready: {}",
                                             std::generic_category().message(errno))));
    }}.detach();
}

/// What --help and --version print is all that they do.
int end_of_command_line(int code) {
    if (std::cout.flush())
        return code;
    std::cerr << "chat-server: cannot print to stdout\n";
    return EXIT_FAILURE;
}

/// Until nothing is left to do.
void run(asio::io_context& loop, lock_check check) {
    if (check.is_off()) {
        loop.run();
        return;
    }
    // Slower, since Asio frees the memory that it recycles after each run_one().
    while (loop.run_one() > 0)
        check.after_handler();
}

int serve(const server_options& options) {
    admission tickets{options.clients};
    asio::io_context loop{1};
    const auto executor = loop.get_executor();
    const auto tick = std::clamp<std::chrono::milliseconds>(
        std::min(options.session.write_timeout, options.session.idle_timeout) / 4, 10ms, 250ms);
    // Each takes a few kilobytes, and those who are turned away stay for half a second.
    constexpr std::size_t room_for_handshakes = 1024;
    const auto connections = options.clients.clients + room_for_handshakes;
    const auto descriptors = allow_open_files(connections, options.admin.has_value());

    lock_ledger ledger;
    lock_ledger ledger_of_fault;
    session_names names;
    roster everyone{executor, tick, names};
    room place{executor, everyone, options.history, ledger};
    listener door{listen_on(options.endpoint, executor),
                  {.connections = connections, .descriptors = descriptors},
                  tickets,
                  place,
                  everyone,
                  options.session};

    asio::co_spawn(executor, door.accept_all(), end_if_failed);
    asio::co_spawn(executor, place.fan_out(), end_if_failed);
    asio::co_spawn(executor, everyone.watch_over(), end_if_failed);

    asio::io_context watch{1};
    loop_monitor monitor{watch,
                         executor,
                         {&ledger, &ledger_of_fault},
                         names,
                         {.limits = options.limits,
                          .exit_on_stall = options.exit_on_stall,
                          .shutdown_time = shutdown_deadline,
                          .on_signal = [&](wire::clock::time_point deadline) {
                              asio::co_spawn(executor, shut_down(door, place, everyone, deadline),
                                             end_if_failed);
                          }}};
    const auto chat_url = url_of("ws", door.local_endpoint());
    const auto admin = start_admin(watch, options, chat_url, monitor, ledger, names);
    const watch_thread watching{watch};
    print_without_waiting(ready_line(chat_url, admin));
    if (options.fault != fault::none)
        asio::co_spawn(executor, provoke(options.fault, ledger_of_fault), end_if_failed);
    try {
        run(loop, {options.check_locks, {&ledger, &ledger_of_fault}});
    } catch (const std::exception& error) {
        // Nothing is unwound: the loop dies last, and its tasks would need what is gone by then.
        end_process(complain(error.what()));
    }
    tell_limits(counted.struck);
    spdlog::info("bye");
    return EXIT_SUCCESS;
}

/// Those of the standard descriptors that are closed: else a socket would get the number, and the log.
void open_standard_descriptors() {
    int opened = 0;
    while (opened >= 0 && opened <= STDERR_FILENO)
        opened = ::open("/dev/null", O_RDWR);
    ::close(opened);
}

} // namespace

int main(int argc, char** argv) {
    open_standard_descriptors();
    std::signal(SIGPIPE, SIG_IGN); // a reader of our log that leaves does not end the server
    std::signal(SIGXFSZ, SIG_IGN); // nor does a log file that has reached `ulimit -f`
    const auto options = parse_server_options(argc, argv);
    if (const auto* code = std::get_if<int>(&options))
        return end_of_command_line(*code);
    const auto& chosen = std::get<server_options>(options);
    try {
        spdlog::set_default_logger(the_log().lines());
    } catch (const std::exception& error) { // there is no thread to be had, and so no log
        std::cerr << "chat-server: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
    spdlog::set_level(spdlog::level::from_str(chosen.log_level));
    int code = EXIT_SUCCESS;
    try {
        code = serve(chosen);
    } catch (const std::exception& error) {
        code = complain(error.what());
    }
    the_log().drain();
    return code;
}
