#include "server/watch/shutdown_watch.hpp"

#include "server/system/streams.hpp"
#include "server/watch/server_log.hpp"

#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace chat {

namespace {

// A loop that is asked to shut down must turn at least once within this time.
constexpr std::chrono::milliseconds patience_at_a_signal{500};

std::string_view name_of(int signal) {
    return signal == SIGINT ? "SIGINT" : signal == SIGHUP ? "SIGHUP" : "SIGTERM";
}

} // namespace

shutdown_watch::shutdown_watch(boost::asio::io_context& watch, settings how)
    : signals_{watch}
    , how_{std::move(how)} {
    signals_.add(SIGINT);
    signals_.add(SIGTERM);
    if (!is_ignored(SIGHUP))
        signals_.add(SIGHUP);
    await_signal();
}

void shutdown_watch::await_signal() {
    signals_.async_wait([this](const boost::system::error_code& cancelled, int number) {
        if (!cancelled)
            on_signal(number);
    });
}

// Logs on this thread, because the loop may be frozen.
void shutdown_watch::on_signal(int number) {
    const auto name = name_of(number);
    if (!deadline_) {
        spdlog::info("asked to end signal={}", name);
        deadline_ = clock::now() + how_.time;
        how_.shut_down(*deadline_);
    } else if (number == SIGHUP) {
        // Not impatience: when a terminal closes, the kernel and the shell may each send one.
        spdlog::info("{} again: already ending", name);
    } else {
        const int code = how_.seems_frozen() ? exit_frozen : EXIT_SUCCESS;
        spdlog::warn("ending at once signal={} exit={}", name, code);
        end_process(code);
    }
    await_signal();
}

bool shutdown_watch::is_hopeless(std::optional<clock::time_point> deadline, clock::time_point now,
                                 clock::duration silent,
                                 const std::function<bool()>& is_deadlocked) {
    return deadline && silent >= patience_at_a_signal && (now >= *deadline || is_deadlocked());
}

void shutdown_watch::give_up_if_hopeless(clock::time_point now, clock::duration silent,
                                         const std::function<bool()>& is_deadlocked) const {
    if (!is_hopeless(deadline_, now, silent, is_deadlocked))
        return;
    spdlog::critical("loop is frozen, so no clean shutdown is possible for_ms={} exit={}",
                     std::chrono::duration_cast<std::chrono::milliseconds>(silent).count(),
                     exit_frozen);
    end_process(exit_frozen);
}

} // namespace chat
