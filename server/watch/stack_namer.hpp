// Names the calls in a report's stack on a separate thread. Naming takes a moment, because the debug information
// must be read; meanwhile the watch thread answers requests.
#pragma once

#include "server/watch/stall_report.hpp"

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

namespace chat {

/// All functions are called on the watch thread.
class stack_namer {
public:
    /// `named` is called on the watch thread for each report that is still the newest when its stack is named.
    stack_namer(boost::asio::io_context& watch, std::function<void(stall_report)> named)
        : watch_{watch}
        , named_{std::move(named)} {}

    /// Call it only after the watch thread has ended.
    ~stack_namer() {
        if (thread_.joinable())
            thread_.join();
    }

    stack_namer(const stack_namer&) = delete;
    stack_namer& operator=(const stack_namer&) = delete;

    /// Names the stack of this report, the newest one. Names one report at a time; of the reports that arrive
    /// meanwhile, only the last is named.
    void name(stall_report report, std::vector<void*> stack);

    /// Drops the report that is being named. Call it if a newer report needs no names.
    void supersede() { ++newest_; }

private:
    struct unnamed_report {
        std::uint64_t number;
        stall_report report;
        std::vector<void*> stack;
    };

    void start();

    boost::asio::io_context& watch_;
    std::function<void(stall_report)> named_;
    std::uint64_t newest_ = 0; // the number of the newest report
    std::optional<unnamed_report> next_;
    std::thread thread_;
};

} // namespace chat
