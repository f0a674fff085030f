// Detects the mistake itself, whether or not it freezes the loop this time: a task is suspended
// while it holds a lock that blocks threads. Runs after each handler (--check-locks). Loop thread
// only.
#pragma once

#include "server/sync/lock_ledger.hpp"

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace chat {

class lock_check {
public:
    enum class mode { off, warn, abort };

    lock_check(mode how, std::vector<const lock_ledger*> ledgers)
        : how_{how}
        , ledgers_{std::move(ledgers)} {}

    [[nodiscard]] bool is_off() const { return how_ == mode::off; }

    /// Call after each handler: a lock that this thread still holds belongs to a suspended task.
    /// Warns once for each line that took the lock. In mode `abort`, ends the process with SIGABRT.
    void after_handler();

private:
    void report(const lock_holder& sleeper);

    mode how_;
    std::vector<const lock_ledger*> ledgers_;
    std::set<std::string> warned_;
};

} // namespace chat
