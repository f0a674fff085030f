// Ends a lesson's program when it freezes, and says why. Exit code 3, as for chat-server.
// In: the thread that creates the watchdog, which is the thread it watches. The watchdog has a thread
// of its own, because a frozen thread cannot report that it is frozen.
#pragma once

#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace workshop {

/// What the kernel knows of a thread of this process.
struct thread_state {
    bool asleep = false;
    std::string times_put_to_sleep; // a number: it changes whenever the thread has run

    static std::optional<thread_state> of(pid_t thread) {
        std::ifstream status{"/proc/self/task/" + std::to_string(thread) + "/status"};
        std::optional<thread_state> found;
        for (std::string line; std::getline(status, line);) {
            if (line.starts_with("State:"))
                found.emplace().asleep = line.find("(sleeping)") != std::string::npos;
            if (found && line.starts_with("voluntary_ctxt_switches:"))
                found->times_put_to_sleep = line;
        }
        return found;
    }
};

/// The thread is frozen when it sleeps at fifteen looks in a row and never ran in between. A busy machine
/// makes a thread slow, but it does not put it to sleep. Also ends a program that never finishes.
class watchdog {
public:
    explicit watchdog(std::string_view what_it_means)
        : what_it_means_{what_it_means}
        , watched_{::gettid()}
        , thread_{[this] { watch(); }} {}

    ~watchdog() {
        {
            const std::lock_guard lock{mutex_};
            finished_ = true;
        }
        changed_.notify_one();
        thread_.join();
    }

    watchdog(const watchdog&) = delete;
    watchdog& operator=(const watchdog&) = delete;

private:
    // Looks are counted, not seconds: a process that was stopped for a while is not frozen.
    static constexpr std::chrono::milliseconds between_looks{100};
    static constexpr int frozen_after = 15; // the lessons' longest wait is 200 ms
    static constexpr int slow_after = 120;  // less than a test's TIMEOUT

    void watch() {
        int asleep = 0;
        int looks = 0;
        auto before = thread_state::of(watched_);
        std::unique_lock lock{mutex_};
        while (!changed_.wait_for(lock, between_looks, [this] { return finished_; })) {
            auto now = thread_state::of(watched_);
            const bool ran = !now || !before || !now->asleep ||
                             now->times_put_to_sleep != before->times_put_to_sleep;
            asleep = ran ? 0 : asleep + 1;
            before = std::move(now);
            if (asleep == frozen_after)
                end("frozen: ");
            if (++looks == slow_after)
                end("frozen, or far too slow: ");
        }
    }

    [[noreturn]] void end(std::string_view verdict) {
        std::cout << std::flush;
        std::cerr << verdict << what_it_means_ << std::endl;
        std::_Exit(3); // a thread that is stuck in lock() cannot be joined
    }

    std::string_view what_it_means_;
    pid_t watched_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool finished_ = false;
    std::thread thread_; // last: it uses the others
};

} // namespace workshop
