// The clients' names, for reports. Sessions update them when a client joins, renames itself or
// leaves. The watch thread reads them. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace chat {

class session_names {
public:
    void set(std::uint64_t session, std::string name) {
        const std::lock_guard lock{mutex_};
        names_.insert_or_assign(session, std::move(name));
    }

    void erase(std::uint64_t session) {
        const std::lock_guard lock{mutex_};
        names_.erase(session);
    }

    /// Returns an empty string if the session is unknown.
    [[nodiscard]] std::string of(std::uint64_t session) const {
        const std::lock_guard lock{mutex_};
        const auto found = names_.find(session);
        return found == names_.end() ? std::string{} : found->second;
    }

private:
    mutable std::mutex mutex_; // guards names_
    std::map<std::uint64_t, std::string> names_;
};

} // namespace chat
