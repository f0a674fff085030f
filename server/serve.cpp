#include "server/serve.hpp"

#include "server/admin/server.hpp"
#include "server/chat/listener.hpp"
#include "server/chat/room.hpp"
#include "server/chat/roster.hpp"
#include "server/loop/loop_executor.hpp"
#include "server/numbers/counters.hpp"
#include "server/options.hpp"
#include "server/sync/lock_ledger.hpp"
#include "server/watch/loop_monitor.hpp"
#include "server/watch/server_log.hpp"
#include "server/watch/session_names.hpp"
#include "server/watch/watch_thread.hpp"

#include <boost/asio/co_spawn.hpp>
#include <spdlog/fmt/ostr.h>
#include <spdlog/spdlog.h>

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <stdexcept>

namespace chat {

namespace {

using namespace std::chrono_literals;

constexpr auto shutdown_deadline = 5s;

/// Stops accepting, delivers the messages that are already in the room, then closes every connection. Resets the
/// connections that are left at the deadline.
task<> shut_down(listener& incoming, room& chat_room, roster& everyone,
                 wire::clock::time_point deadline) {
    spdlog::info("shutting down clients={}", everyone.size());
    incoming.stop();
    loop_timer cut_off{co_await asio::this_coro::executor, deadline};
    cut_off.async_wait([&](error_code cancelled) {
        if (!cancelled)
            incoming.abort_all();
    });
    co_await chat_room.close();
    everyone.dismiss_all();
    while (incoming.connections() > 0) {
        incoming.give_up_handshakes();
        loop_timer pause{co_await asio::this_coro::executor, 5ms};
        co_await pause.async_wait(use_task);
    }
    everyone.stop();
    chat_room.stop();
}

/// Raises the limit of open files, because every connection is one and a shell's soft limit is often 1024.
/// Returns how many connections may be open. Throws if none may.
std::size_t allow_open_files(std::size_t connections, bool with_admin) {
    // The server itself needs 14 and sometimes a file of /proc. The admin plane has its own share, so it answers
    // even if the chat is full.
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
                        "server itself needs {} (see ulimit -Hn)",
                        files.rlim_cur, besides_connections)};
    if (files.rlim_cur < connections + besides_connections)
        spdlog::warn("few descriptors limit={} needed={}: accepting may pause (see ulimit -Hn)",
                     files.rlim_cur, connections + besides_connections);
    return files.rlim_cur - besides_connections;
}

void log_limits(const limit_counts& hits) {
    for (std::size_t i = 0; i < limit_names.size(); ++i) {
        if (const auto times = hits.of(static_cast<limit>(i)); times > 0)
            spdlog::info("limit hit name={} times={}", limit_names[i], times);
    }
}

/// Listens; port 0 takes a free port. Throws an error that says what to do if that fails.
listener::acceptor_type listen_on(const asio::ip::tcp::endpoint& where, loop_executor loop) {
    try {
        return {loop, where};
    } catch (const boost::system::system_error& error) {
        const bool in_use = error.code() == asio::error::address_in_use;
        throw std::runtime_error{fmt::format(
            "cannot listen on {}: {}{}", fmt::streamed(where), error.code().message(),
            in_use ? " (another server uses this port: choose another --port, or 0 for a free one)"
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

/// Runs the loop until nothing is left to do.
void run(asio::io_context& loop, lock_check check) {
    if (check.is_off()) {
        loop.run();
        return;
    }
    // Slower than run(), because Asio frees its recycled memory after each run_one().
    while (loop.run_one() > 0)
        check.after_handler();
}

// ---- The admin plane

server_facts facts(const std::string& chat_url) {
    const auto [mutex, guard] = room::built_with();
    return {.version = CHAT_VERSION,
            .mutex = std::string{mutex},
            .guard = std::string{guard},
            .chat_url = chat_url,
            .pid = ::getpid()};
}

/// Takes the port at once, before the watch thread runs `watch`. Throws an error that says what to do if
/// that fails. Returns nothing with --no-admin. All arguments must outlive the run of `watch`.
std::optional<admin_server> start_admin(boost::asio::io_context& watch,
                                        const server_options& options, const std::string& chat_url,
                                        const loop_monitor& monitor, const lock_ledger& ledger,
                                        const session_names& names) {
    if (!options.admin)
        return std::nullopt;
    admin_sources sources{
        .health = [&] { return monitor.health(); },
        .last_report = [&] { return monitor.last_report(); },
        .stalls = [&](verdict cause) { return monitor.reports(cause); },
        .lag = [&] { return monitor.lag(); },
        .unanswered = [&] { return monitor.unanswered(); },
        .lock = [&](std::size_t max_waiters) { return ledger.snapshot(max_waiters); },
        .name_of = [&](std::uint64_t session) { return names.of(session); }};
    try {
        return admin_server{watch.get_executor(),
                            {.endpoint = *options.admin, .names = options.admin_hosts},
                            admin_answers{facts(chat_url), counted, std::move(sources)}};
    } catch (const boost::system::system_error& error) {
        throw std::runtime_error{
            fmt::format("cannot listen on {} for the live page: {} (choose another --admin-port, 0 "
                        "for a free one, or run without it: --no-admin)",
                        fmt::streamed(*options.admin), error.code().message())};
    }
}

} // namespace

int complain(std::string_view reason) {
    the_log().prose().critical("chat-server: {}\n", reason);
    return EXIT_FAILURE;
}

int serve(const server_options& options, const std::function<void(std::string)>& on_ready) {
    admission tickets{options.clients};
    asio::io_context loop{1};
    const auto executor = loop.get_executor();
    const auto tick = std::clamp<std::chrono::milliseconds>(
        std::min(options.session.write_timeout, options.session.idle_timeout) / 4, 10ms, 250ms);
    // A handshake takes a few kilobytes, and a refused connection stays for half a second.
    constexpr std::size_t room_for_handshakes = 1024;
    const auto connections = options.clients.clients + room_for_handshakes;
    const auto descriptors = allow_open_files(connections, options.admin.has_value());

    lock_ledger ledger;
    lock_ledger ledger_of_fault;
    session_names names;
    roster everyone{executor, tick, names};
    room chat_room{executor, everyone, options.history, ledger};
    listener incoming{listen_on(options.endpoint, executor),
                      {.connections = connections, .descriptors = descriptors},
                      tickets,
                      chat_room,
                      everyone,
                      options.session};

    asio::co_spawn(executor, incoming.accept_all(), rethrow);
    asio::co_spawn(executor, chat_room.fan_out(), rethrow);
    asio::co_spawn(executor, everyone.watch_over(), rethrow);

    asio::io_context watch{1};
    loop_monitor monitor{
        watch,
        executor,
        {&ledger, &ledger_of_fault},
        names,
        {.limits = options.limits,
         .exit_on_stall = options.exit_on_stall,
         .shutdown_time = shutdown_deadline,
         .on_signal = [&](wire::clock::time_point deadline) {
             asio::co_spawn(executor, shut_down(incoming, chat_room, everyone, deadline), rethrow);
         }}};
    const auto chat_url = url_of("ws", incoming.local_endpoint());
    const auto admin = start_admin(watch, options, chat_url, monitor, ledger, names);
    const watch_thread watching{watch};
    on_ready(ready_line(chat_url, admin));
    if (options.fault != fault::none)
        asio::co_spawn(executor, provoke(options.fault, ledger_of_fault), rethrow);
    try {
        run(loop, {options.check_locks, {&ledger, &ledger_of_fault}});
    } catch (const std::exception& error) {
        // Nothing is unwound, because the tasks that the loop still holds would use objects that are gone by then.
        end_process(complain(error.what()));
    }
    log_limits(counted.limit_hits);
    spdlog::info("bye");
    return EXIT_SUCCESS;
}

} // namespace chat
