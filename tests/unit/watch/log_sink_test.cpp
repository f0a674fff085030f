// The log on a pipe that the test reads or leaves unread, or on a descriptor that refuses every write.
#include "server/watch/server_log.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace chat;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t queue_length = 100;
constexpr auto patience = 30s; // less than CTest's time limit

class pipe_ends {
public:
    pipe_ends() { REQUIRE(::pipe2(ends_.data(), O_CLOEXEC) == 0); }

    ~pipe_ends() {
        stop_reading();
        ::close(ends_[1]);
    }

    pipe_ends(const pipe_ends&) = delete;
    pipe_ends& operator=(const pipe_ends&) = delete;

    [[nodiscard]] int writing() const { return ends_[1]; }

    void wait_until_full() const {
        pollfd out{.fd = ends_[1], .events = POLLOUT, .revents = 0};
        while (::poll(&out, 1, 0) == 1)
            std::this_thread::yield();
    }

    void stop_reading() {
        if (ends_[0] >= 0)
            ::close(ends_[0]);
        ends_[0] = -1;
    }

    /// Reads until this line arrives. Returns all lines read.
    std::vector<std::string> lines_to(std::string_view last) {
        const auto end = std::string{last} + '\n';
        std::string all;
        std::array<char, 4096> some{};
        while (!all.ends_with(end)) {
            const auto size = ::read(ends_[0], some.data(), some.size());
            REQUIRE(size > 0);
            all.append(some.data(), static_cast<std::size_t>(size));
        }
        std::vector<std::string> result;
        std::istringstream in{all};
        for (std::string line; std::getline(in, line);)
            result.push_back(line);
        return result;
    }

private:
    std::array<int, 2> ends_{};
};

/// A log and its reader. Closes the reader first, because the log's destructor waits for its thread.
struct log_over_pipe {
    pipe_ends reader;
    server_log log;

    explicit log_over_pipe(bool coloured = false)
        : log{reader.writing(), coloured, queue_length} {
        std::signal(SIGPIPE, SIG_IGN);
        log.lines()->set_pattern("[%^%l%$] %v");
    }

    ~log_over_pipe() { reader.stop_reading(); }

    log_over_pipe(const log_over_pipe&) = delete;
    log_over_pipe& operator=(const log_over_pipe&) = delete;

    /// Blocks the log's thread, then logs far more lines than the pipe and the queue hold.
    void fill() {
        log.prose().info(std::string(100'000, 'x') + '\n');
        reader.wait_until_full();
        for (std::size_t i = 0; i < fill_lines; ++i)
            log.lines()->info("line={}", i);
    }

    static constexpr std::size_t fill_lines = 20'000;
};

/// Checks that every line is present or counted as dropped.
void check_every_line_is_present_or_counted(const std::vector<std::string>& lines,
                                            std::size_t said) {
    constexpr std::string_view notice = "[warning] log lines dropped=";
    constexpr std::string_view line = "[info] line=";
    std::size_t kept = 0;
    std::size_t dropped = 0;
    std::size_t next = 0;
    for (const auto& each : lines) {
        if (each.starts_with(notice)) {
            dropped += std::stoul(each.substr(notice.size()));
        } else if (each.starts_with(line)) {
            const auto number = std::stoul(each.substr(line.size()));
            CHECK(number >= next);
            next = number + 1;
            ++kept;
        }
    }
    CHECK(dropped > 0);
    CHECK(kept + dropped == said);
}

} // namespace

TEST_CASE(
    "an unread log blocks no logging thread, and reports the dropped lines when it is read again") {
    log_over_pipe unread;
    unread.fill();
    const auto dropped_while_unread = unread.log.dropped();
    CHECK(dropped_while_unread > unread.fill_lines / 2);
    unread.log.lines()->info("resumed");
    const auto lines = unread.reader.lines_to("[info] resumed");
    check_every_line_is_present_or_counted(lines, unread.fill_lines);
    CHECK(lines.front().starts_with("xxx"));
}

TEST_CASE("an unread log does not block two threads that log at once") {
    log_over_pipe unread;
    std::thread other{[&] { unread.fill(); }};
    unread.fill();
    other.join();
    CHECK(unread.log.dropped() > unread.fill_lines);
}

TEST_CASE("an unread log keeps its newest lines and the stall report") {
    log_over_pipe unread;
    unread.fill();
    std::string report;
    for (int i = 0; i < 1000; ++i)
        report += "report " + std::to_string(i) + '\n';
    unread.log.prose().info(report);
    unread.log.lines()->info("after it");
    const auto lines = unread.reader.lines_to("[info] after it");
    REQUIRE(lines.size() > 1001);
    for (std::size_t i = 0; i < 1000; ++i)
        CHECK(lines[lines.size() - 1001 + i] == "report " + std::to_string(i));
}

TEST_CASE("drain waits until everything is written, even if the reader is slow") {
    log_over_pipe read;
    std::thread slow_reader{[&] {
        std::this_thread::sleep_for(50ms);
        read.reader.lines_to("last");
    }};
    for (std::size_t i = 0; i < queue_length / 2; ++i)
        read.log.prose().info(std::string(4000, 'x') + '\n');
    read.log.prose().info("last\n");
    CHECK(read.log.drain(patience));
    slow_reader.join();
    CHECK(read.log.dropped() == 0);
}

TEST_CASE("drain times out if nobody reads") {
    log_over_pipe unread;
    unread.fill();
    const auto before = std::chrono::steady_clock::now();
    CHECK_FALSE(unread.log.drain(50ms));
    CHECK(std::chrono::steady_clock::now() - before < patience / 2);
}

TEST_CASE("lines that the descriptor refuses are counted, including each line of a report") {
    const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    REQUIRE(full >= 0);
    {
        server_log log{full, false, queue_length};
        for (int i = 0; i < 50; ++i)
            log.lines()->info("no space");
        log.prose().info("a\nb\nc\n");
        REQUIRE(log.drain(patience));
        CHECK(log.dropped() == 53);
    }
    ::close(full);
}

TEST_CASE("lines logged after the reader has closed the pipe are counted as dropped") {
    log_over_pipe read;
    read.log.lines()->info("read");
    read.reader.lines_to("[info] read");
    read.reader.stop_reading();
    read.log.lines()->info("not read");
    REQUIRE(read.log.drain(patience));
    CHECK(read.log.dropped() == 1);
}

TEST_CASE("a descriptor that another program made non-blocking loses no lines if it is read") {
    log_over_pipe read;
    REQUIRE(::fcntl(read.reader.writing(), F_SETFL, O_NONBLOCK) == 0);
    for (std::size_t i = 0; i < queue_length / 2; ++i) // more than a pipe holds
        read.log.prose().info(std::string(4000, 'x') + '\n');
    read.log.lines()->info("last");
    CHECK(read.reader.lines_to("[info] last").size() == queue_length / 2 + 1);
    CHECK(read.log.dropped() == 0);
}

TEST_CASE("a line is written whole, even if it is very long") {
    log_over_pipe read;
    const std::string text(100'000, 'x');
    read.log.lines()->info(text);
    read.log.lines()->info("short");
    CHECK(read.reader.lines_to("[info] short") ==
          std::vector<std::string>{"[info] " + text, "[info] short"});
}

TEST_CASE("the level is coloured if colours are wanted") {
    log_over_pipe read{true};
    read.log.lines()->info("green");
    CHECK(read.reader.lines_to("[\033[32minfo\033[m] green").size() == 1);
}
