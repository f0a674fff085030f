// The list of the sessions that take part in the chat. Tells the clients their number in presence
// frames, and checks the sessions' time limits in a task of its own. Loop thread only. Never takes
// the chat lock.
#pragma once

#include "server/chat/session.hpp"
#include "server/loop/loop_executor.hpp"
#include "server/watch/session_names.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace chat {

class roster {
public:
    /// Time limits are checked once per `tick`, so `tick` is also their precision. Presence is sent at
    /// a tick, at most four times a second, and less often to very many clients.
    roster(loop_executor loop, std::chrono::milliseconds tick, session_names& names);

    /// Checks time limits and sends presence until stop().
    task<> watch_over();
    void stop();

    [[nodiscard]] std::size_t size() const { return members_.size(); }

    /// The names of the clients, for the watch thread.
    [[nodiscard]] session_names& names() const { return names_; }

    /// Returns a number for a new session, which is never used again.
    [[nodiscard]] std::uint64_t next_id() { return ++last_id_; }

    void add(std::shared_ptr<session> member);
    void remove(const session& member);

    /// Runs every sleeping deliver task inside this call.
    void wake_all();

    /// Makes every session leave as soon as all messages were delivered to it.
    void dismiss_all();

private:
    task<> send_presence();

    std::vector<std::shared_ptr<session>> members_;
    loop_timer timer_;
    std::chrono::milliseconds tick_;
    session_names& names_;
    std::uint64_t last_id_ = 0;
    session::clock::time_point told_{}; // when presence was sent last
    bool changed_ = false;              // the number of members, since then
    bool stopped_ = false;
};

} // namespace chat
