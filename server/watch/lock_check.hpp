// The check for the mistake itself, whether it freezes the loop this time or not: was a task suspended
// while it held a lock that blocks threads? Asked after each handler (--check-locks). Loop thread only.
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

    /// The handler has ended, so what this thread holds now is held by a task that sleeps. Warns once
    /// for each place that took the lock; in mode `abort` ends the process by SIGABRT.
    void after_handler();

private:
    void report(const lock_holder& sleeper);

    mode how_;
    std::vector<const lock_ledger*> ledgers_;
    std::set<std::string> warned_;
};

} // namespace chat
