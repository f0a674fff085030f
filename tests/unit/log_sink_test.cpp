#include "server/watch/alarm.hpp"
#include "server/watch/counters.hpp"
#include "server/watch/log_sink.hpp"

#include <doctest/doctest.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

using namespace chat;

namespace {

/// Stands in for whoever reads stderr.
class reader {
public:
    reader() {
        REQUIRE(::pipe2(ends_.data(), O_CLOEXEC) == 0);
        REQUIRE(::fcntl(ends_[0], F_SETFL, O_NONBLOCK) == 0);
        REQUIRE(::dup2(ends_[1], STDERR_FILENO) == STDERR_FILENO);
        ::close(ends_[1]);
    }

    ~reader() {
        ::dup2(before_, STDERR_FILENO);
        ::close(before_);
        ::close(ends_[0]);
    }

    reader(const reader&) = delete;
    reader& operator=(const reader&) = delete;

    std::size_t count_whole_lines() {
        return static_cast<std::size_t>(std::ranges::count(read_all(), '\n'));
    }

    std::vector<std::string> lines() {
        const auto all = read_all();
        REQUIRE(all.ends_with('\n'));
        std::vector<std::string> result;
        std::istringstream in{all};
        for (std::string line; std::getline(in, line);)
            result.push_back(line);
        return result;
    }

private:
    std::string read_all() {
        std::string all;
        std::array<char, 4096> some{};
        for (ssize_t size = 0; (size = ::read(ends_[0], some.data(), some.size())) > 0;)
            all.append(some.data(), static_cast<std::size_t>(size));
        return all;
    }

    int before_ = ::dup(STDERR_FILENO);
    std::array<int, 2> ends_{};
};

spdlog::logger logger_on(bool coloured) {
    spdlog::logger log{"chat", std::make_shared<log_sink>(coloured)};
    log.set_pattern("[%^%l%$] %v");
    return log;
}

} // namespace

TEST_CASE("what nobody reads is dropped in whole lines, and told when there is room again") {
    reader stderr_reader;
    auto log = logger_on(false);
    const auto dropped_before = counted.dropped_log_lines.read();
    // Far more than a pipe holds: a write that waits would hang.
    constexpr std::size_t said = 10'000;
    for (std::size_t i = 0; i < said; ++i)
        log.info("line={}", i);
    const auto kept = stderr_reader.lines();
    REQUIRE(kept.size() < said);
    for (std::size_t i = 0; i < kept.size(); ++i)
        CHECK(kept[i] == "[info] line=" + std::to_string(i));

    log.error("read again");
    log.info("and on");
    const auto dropped = said - kept.size();
    CHECK(stderr_reader.lines() ==
          std::vector<std::string>{"[warning] log lines dropped=" + std::to_string(dropped),
                                   "[error] read again", "[info] and on"});
    CHECK(counted.dropped_log_lines.read() - dropped_before == dropped);
}

TEST_CASE("what is dropped of a report is counted in lines") {
    reader stderr_reader;
    const auto dropped_before = counted.dropped_log_lines.read();
    constexpr std::size_t said = 10'000;
    std::string report;
    for (std::size_t i = 0; i < said; ++i)
        report += "line " + std::to_string(i) + '\n';
    alarm::write(report);
    CHECK(counted.dropped_log_lines.read() > dropped_before);
    CHECK(stderr_reader.count_whole_lines() + counted.dropped_log_lines.read() - dropped_before ==
          said);
}

TEST_CASE("a line too long to be written at once is dropped, and told") {
    reader stderr_reader;
    auto log = logger_on(false);
    log.info(std::string(100'000, 'x'));
    log.info("short");
    CHECK(stderr_reader.lines() ==
          std::vector<std::string>{"[warning] log lines dropped=1", "[info] short"});
}

TEST_CASE("the level has its colour where that is welcome") {
    reader stderr_reader;
    logger_on(true).info("green");
    CHECK(stderr_reader.lines() == std::vector<std::string>{"[\033[32minfo\033[m] green"});
}
