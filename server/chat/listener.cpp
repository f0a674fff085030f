#include "server/chat/listener.hpp"

#include "server/chat/roster.hpp"
#include "server/numbers/counters.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <spdlog/spdlog.h>

namespace chat {

listener::listener(acceptor_type acceptor, limits most, admission& door, room& place,
                   roster& everyone, session_limits limits_of_each)
    : acceptor_{std::move(acceptor)}
    , pause_timer_{acceptor_.get_executor()}
    , admission_{door}
    , room_{place}
    , roster_{everyone}
    , most_{most}
    , limits_of_each_{std::move(limits_of_each)} {}

task<> listener::accept_all() {
    while (acceptor_.is_open()) {
        // Counted, since accept() itself would only fail when no descriptor is left for anybody: then
        // the admin plane could not answer either, and a health check would end a server that is well.
        if (connections() >= most_.descriptors) {
            co_await pause("the other descriptors are not for clients");
            continue;
        }
        auto [error, socket] = co_await acceptor_.async_accept(asio::as_tuple(use_task));
        if (!error) {
            if (std::exchange(paused_, false))
                spdlog::info("accept goes on connections={}", connections());
            start(std::move(socket));
        } else if (error != asio::error::operation_aborted) {
            // Out of descriptors all the same: others have opened more than was expected.
            co_await pause(error.message());
        }
    }
}

/// Those who are here chat on; those who come wait.
task<> listener::pause(std::string reason) {
    constexpr std::chrono::milliseconds until_a_descriptor_is_free{100};
    if (!std::exchange(paused_, true)) {
        counted.struck.add(limit::descriptors);
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

// Said at most once a second: that many come at once is why they get no answer.
void listener::refuse(limit struck) {
    counted.struck.add(struck);
    ++refused_;
    const auto now = session::clock::now();
    if (now - told_refusals_ < std::chrono::seconds{1})
        return;
    told_refusals_ = now;
    spdlog::info("turned away without an answer reason={} times={}",
                 limit_names[static_cast<std::size_t>(struck)], std::exchange(refused_, 0));
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
