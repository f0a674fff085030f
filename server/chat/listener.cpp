#include "server/chat/listener.hpp"

#include "server/chat/roster.hpp"
#include "server/watch/counters.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <spdlog/spdlog.h>

namespace chat {

listener::listener(acceptor_type acceptor, std::size_t max_connections, room& place,
                   roster& everyone, session_limits limits)
    : acceptor_{std::move(acceptor)}
    , pause_{acceptor_.get_executor()}
    , room_{place}
    , roster_{everyone}
    , limits_{std::move(limits)}
    , max_connections_{max_connections} {}

task<> listener::accept_all() {
    constexpr std::chrono::milliseconds until_a_descriptor_is_free{100};
    while (acceptor_.is_open()) {
        auto [error, socket] = co_await acceptor_.async_accept(asio::as_tuple(use_task));
        if (!error) {
            if (std::exchange(paused_, false))
                spdlog::info("accept goes on connections={}", connections());
            start(std::move(socket));
        } else if (error != asio::error::operation_aborted) {
            // Out of descriptors, most likely. Those who are here chat on; those who come wait.
            if (!std::exchange(paused_, true)) {
                counted.struck.add(limit::descriptors);
                spdlog::warn("accept paused reason=\"{}\" connections={}", error.message(),
                             connections());
            }
            pause_.expires_after(until_a_descriptor_is_free);
            co_await pause_.async_wait(asio::as_tuple(use_task));
        }
    }
}

void listener::start(wire::socket_type socket) {
    if (connections() >= max_connections_) {
        counted.struck.add(limit::connections);
        return; // the socket closes itself
    }
    counted.connections.add();
    auto newcomer = std::make_shared<session>(std::move(socket), room_, roster_, limits_);
    const auto entry = sessions_.insert(sessions_.end(), newcomer);
    asio::co_spawn(acceptor_.get_executor(), run_session(std::move(newcomer)),
                   [this, entry](std::exception_ptr failed) {
                       sessions_.erase(entry);
                       try {
                           if (failed)
                               std::rethrow_exception(failed);
                       } catch (const std::exception& error) {
                           spdlog::error("session failed reason=\"{}\"", error.what());
                       }
                   });
}

void listener::abort_all() {
    for (const auto& entry : sessions_) {
        if (const auto one = entry.lock())
            one->abort();
    }
}

void listener::stop() {
    error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
}

} // namespace chat
