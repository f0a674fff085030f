// The message of a guard that is used without the lock. In this program asserts are on in every
// build.
#undef NDEBUG
#include "server/sync/async_mutex.hpp"
#include "server/sync/blocking_mutex.hpp"
#include "server/sync/guarded.hpp"

#include <boost/asio/io_context.hpp>

#include <doctest/doctest.h>

#include <array>
#include <csignal>
#include <string>
#include <utility>

#include <sys/wait.h>
#include <unistd.h>

using namespace chat;

namespace {

template <class Mutex>
using number = guarded<int, Mutex>;

/// Returns what a process writes to stderr when the misuse makes it call abort().
std::string last_words(auto misuse) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    const auto child = ::fork();
    if (child == 0) {
        std::signal(SIGABRT, SIG_DFL); // doctest would report it as its own failure
        ::dup2(ends[1], STDERR_FILENO);
        misuse();
        ::_exit(0);
    }
    ::close(ends[1]);
    std::string words;
    std::array<char, 512> part{};
    for (ssize_t size = 0; (size = ::read(ends[0], part.data(), part.size())) > 0;)
        words.append(part.data(), static_cast<std::size_t>(size));
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGABRT);
    return words;
}

bool explains(const std::string& words) {
    return words.find("copy what you need before unlock()") != std::string::npos;
}

} // namespace

TEST_CASE_TEMPLATE("a guard without the lock gives no access and says why", Mutex, async_mutex,
                   blocking_mutex) {
    asio::io_context loop;
    number<Mutex> value{loop, 7};
    CHECK(explains(last_words([&] {
        auto held = value.try_lock();
        held.unlock();
        ++*held;
    })));
    CHECK(explains(last_words([&] {
        auto held = value.try_lock();
        const auto moved_to = std::move(held);
        ++*held; // NOLINT(bugprone-use-after-move): this is the mistake
    })));
    CHECK(explains(last_words([&] {
        const auto held = value.try_lock();
        ++*value.try_lock(); // taken, so this is an empty guard
    })));
    CHECK(*value.try_lock() == 7);
}
