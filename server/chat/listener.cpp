#include "server/chat/listener.hpp"

#include "server/chat/roster.hpp"
#include "server/numbers/counters.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <spdlog/spdlog.h>

namespace chat {

listener::listener(acceptor_type acceptor, limits most, admission& limiter, room& chat_room,
                   roster& everyone, session_limits limits_of_each)
    : acceptor_{std::move(acceptor)}
    , pause_timer_{acceptor_.get_executor()}
    , admission_{limiter}
    , room_{chat_room}
    , roster_{everyone}
    , most_{most}
    , limits_of_each_{std::move(limits_of_each)} {}

task<> listener::accept_all() {
    while (acceptor_.is_open()) {
        // Count connections, because accept() fails only when no descriptor is left at all. Then the
        // admin plane could not answer either, and a health check would kill a healthy server.
        if (connections() >= most_.descriptors) {
            co_await pause("the remaining descriptors are reserved");
            continue;
        }
        auto [error, socket] = co_await acceptor_.async_accept(asio::as_tuple(use_task));
        if (!error) {
            if (std::exchange(paused_, false))
                spdlog::info("accept resumed connections={}", connections());
            start(std::move(socket));
        } else if (error != asio::error::operation_aborted) {
            // Out of descriptors anyway: other parts of the process opened more than expected.
            co_await pause(error.message());
        }
    }
}

/// Connected clients continue; new connections wait in the kernel's backlog.
task<> listener::pause(std::string reason) {
    constexpr std::chrono::milliseconds until_a_descriptor_is_free{100};
    if (!std::exchange(paused_, true)) {
        counted.limit_hits.add(limit::descriptors);
        spdlog::warn("accept paused reason=\"{}\" connections={}", reason, connections());
    }
    pause_timer_.expires_after(until_a_descriptor_is_free);
    co_await pause_timer_.async_wait(asio::as_tuple(use_task));
}

void listener::start(wire::socket_type socket) {
    if (connections() >= most_.connections) {
        refuse(limit::connections);
        return; // the socket closes itself
    }
    error_code gone_already;
    auto ticket = admission_.let_in(socket.remote_endpoint(gone_already).address());
    if (!ticket) {
        refuse(limit::connections_per_address);
        return;
    }
    counted.connections.add();
    auto newcomer = std::make_shared<session>(std::move(socket), std::move(*ticket), room_, roster_,
                                              limits_of_each_);
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

// Logs at most once a second, because connections are refused unanswered when many come at once.
void listener::refuse(limit hit) {
    counted.limit_hits.add(hit);
    ++refused_;
    const auto now = session::clock::now();
    if (now - logged_refusals_ < std::chrono::seconds{1})
        return;
    logged_refusals_ = now;
    spdlog::info("turned away without an answer reason={} times={}",
                 limit_names[static_cast<std::size_t>(hit)], std::exchange(refused_, 0));
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
    pause_timer_.cancel();
}

void listener::give_up_handshakes() {
    for (const auto& entry : sessions_) {
        if (const auto one = entry.lock())
            one->give_up_handshake();
    }
}

} // namespace chat
