#include "server/system/streams.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>

namespace chat {

namespace {

/// True if the write can be retried. Waits for free space in the descriptor if necessary.
bool may_go_on(int descriptor) {
    if (errno == EINTR)
        return true;
    if (errno != EAGAIN)
        return false;
    // POLLOUT promises nothing for a terminal: without the pause, a newline that does not fit would be retried
    // in a busy loop.
    pollfd out{.fd = descriptor, .events = POLLOUT, .revents = 0};
    if (::poll(&out, 1, -1) == 1)
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    return true;
}

} // namespace

std::size_t write_all(int descriptor, std::string_view text) {
    std::size_t done = 0;
    while (done < text.size()) {
        const auto written = ::write(descriptor, text.data() + done, text.size() - done);
        if (written > 0)
            done += static_cast<std::size_t>(written);
        else if (written == 0 || !may_go_on(descriptor))
            break;
    }
    return done;
}

bool takes_escapes(int descriptor) {
    const char* const terminal = std::getenv("TERM");
    const char* const refused = std::getenv("NO_COLOR");
    return ::isatty(descriptor) == 1 && terminal != nullptr && *terminal != '\0' &&
           std::string_view{terminal} != "dumb" && (refused == nullptr || *refused == '\0');
}

bool is_ignored(int signal) {
    struct sigaction now{};
    return ::sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

void block_signals_of_this_thread() {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

} // namespace chat
