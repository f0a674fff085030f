// main() of chat-server: prepares descriptors, signals and the log, then calls serve().
#include "server/options.hpp"
#include "server/serve.hpp"
#include "server/system/streams.hpp"
#include "server/watch/server_log.hpp"

#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace {

using namespace chat;

/// Writes to stdout on a separate thread, so that the chat runs even if nobody reads stdout. Ends the process if
/// the write fails.
void print_without_waiting(std::string line) {
    std::thread{[line = std::move(line)] {
        block_signals_of_this_thread();
        if (write_all(STDOUT_FILENO, line) < line.size())
            end_process(complain(fmt::format("cannot print that it is ready: {}",
                                             std::generic_category().message(errno))));
    }}.detach();
}

/// Flushes the output of --help or --version. Returns the exit code.
int end_of_command_line(int code) {
    if (std::cout.flush())
        return code;
    std::cerr << "chat-server: cannot print to stdout\n";
    return EXIT_FAILURE;
}

/// Opens /dev/null for each standard descriptor that is closed. Otherwise a socket could get the number of stderr,
/// and the log would go to that socket.
void open_standard_descriptors() {
    int opened = 0;
    while (opened >= 0 && opened <= STDERR_FILENO)
        opened = ::open("/dev/null", O_RDWR);
    ::close(opened);
}

} // namespace

int main(int argc, char** argv) {
    open_standard_descriptors();
    std::signal(SIGPIPE, SIG_IGN); // a log reader that goes away must not end the server
    std::signal(SIGXFSZ, SIG_IGN); // nor a log file that reaches `ulimit -f`
    const auto options = parse_server_options(argc, argv);
    if (const auto* code = std::get_if<int>(&options))
        return end_of_command_line(*code);
    const auto& chosen = std::get<server_options>(options);
    try {
        spdlog::set_default_logger(the_log().lines());
    } catch (const std::exception& error) { // no thread could be started, so there is no log
        std::cerr << "chat-server: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
    spdlog::set_level(spdlog::level::from_str(chosen.log_level));
    int code = EXIT_SUCCESS;
    try {
        code = serve(chosen, print_without_waiting);
    } catch (const std::exception& error) {
        code = complain(error.what());
    }
    the_log().drain();
    return code;
}
