// Ends a lesson's program that has frozen, and says why. Exit code 3, as of chat-server.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <string_view>
#include <thread>

namespace workshop {

/// A thread of its own, since a frozen one can't report that it is frozen. Ends the process when it
/// outlives its patience.
class watchdog {
public:
    explicit watchdog(std::string_view what_it_means)
        : what_it_means_{what_it_means}
        , thread_{[this] { watch(); }} {}

    ~watchdog() {
        {
            const std::lock_guard lock{mutex_};
            served_ = true;
        }
        changed_.notify_one();
        thread_.join();
    }

    watchdog(const watchdog&) = delete;
    watchdog& operator=(const watchdog&) = delete;

private:
    static constexpr std::chrono::milliseconds patience{1500}; // the lessons need 15 ms

    void watch() {
        std::unique_lock lock{mutex_};
        if (changed_.wait_for(lock, patience, [this] { return served_; }))
            return;
        std::cerr << "frozen: " << what_it_means_ << std::endl;
        std::_Exit(3); // a thread that is stuck in lock() can't be joined
    }

    std::string_view what_it_means_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool served_ = false;
    std::thread thread_; // last: it uses the others
};

} // namespace workshop
