#include "server/watch/lock_check.hpp"

#include "server/watch/server_log.hpp"
#include "server/watch/source_path.hpp"

#include <spdlog/spdlog.h>

namespace chat {

void lock_check::after_handler() {
    for (const auto* ledger : ledgers_) {
        if (const auto sleeper = ledger->held_by_this_thread())
            report(*sleeper);
    }
}

void lock_check::report(const lock_holder& sleeper) {
    const auto acquired_at = source_line(sleeper.site.where);
    if (!warned_.insert(acquired_at).second)
        return;
    const auto suspended_at =
        sleeper.suspended ? source_line(sleeper.suspended->where) : std::string{"unknown"};
    spdlog::log(how_ == mode::abort ? spdlog::level::critical : spdlog::level::warn,
                "lock held across a suspension task={} session={} acquired_at={} suspended_at={}",
                sleeper.site.task, sleeper.site.session, acquired_at, suspended_at);
    if (how_ == mode::abort)
        abort_process();
}

} // namespace chat
