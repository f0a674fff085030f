#include "client/output.hpp"

#include "server/system/streams.hpp"

#include <spdlog/fmt/fmt.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace chat::load {

namespace {

std::string last_error() {
    return std::generic_category().message(errno);
}

} // namespace

void prepare_standard_streams() {
    for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (::fcntl(descriptor, F_GETFD) < 0)
            // open() returns the lowest free number, which is this one. The mode is the wrong one on
            // purpose: using the descriptor still fails.
            (void)::open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
}

void print(int descriptor, std::string_view text) {
    if (write_all(descriptor, text) < text.size())
        throw std::runtime_error{fmt::format("cannot write to standard {}: {}",
                                             descriptor == STDERR_FILENO ? "error" : "output",
                                             last_error())};
}

report_file::report_file(std::string path)
    : path_{std::move(path)} {
    if (path_.empty())
        return;
    descriptor_ = is_standard_output()
                      ? STDOUT_FILENO
                      : ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
    if (!is_wanted())
        throw std::runtime_error{fmt::format("cannot write to '{}': {}", path_, last_error())};
}

report_file::~report_file() {
    if (is_wanted() && !is_standard_output())
        ::close(descriptor_);
}

bool report_file::is_standard_output() const {
    return path_ == "-" || path_ == "/dev/stdout";
}

void report_file::save(std::string_view text) {
    if (is_standard_output())
        return print(STDOUT_FILENO, text);
    (void)::ftruncate(descriptor_, 0); // fails for a pipe or a device, which do not need it
    const bool saved = write_all(descriptor_, text) == text.size();
    const int why = errno;
    // Some file systems report a full disk only in close().
    const bool closed = ::close(std::exchange(descriptor_, -1)) == 0;
    if (!saved)
        errno = why;
    if (!saved || !closed)
        throw std::runtime_error{fmt::format("cannot write to '{}': {}", path_, last_error())};
}

} // namespace chat::load
