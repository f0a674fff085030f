#include "server/start_admin.hpp"

#include "server/chat/room.hpp"
#include "server/options.hpp"
#include "server/sync/lock_ledger.hpp"
#include "server/watch/counters.hpp"
#include "server/watch/loop_monitor.hpp"
#include "server/watch/session_names.hpp"

#include <spdlog/fmt/ostr.h>

#include <unistd.h>

#include <stdexcept>

namespace chat {

namespace {

server_facts facts(const std::string& chat_url) {
    const auto [mutex, guard] = room::built_with();
    return {.version = CHAT_VERSION,
            .mutex = std::string{mutex},
            .guard = std::string{guard},
            .chat_url = chat_url,
            .pid = ::getpid()};
}

} // namespace

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
                        "for a free one, or do without: --no-admin)",
                        fmt::streamed(*options.admin), error.code().message())};
    }
}

} // namespace chat
