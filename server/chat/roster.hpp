// Who is here: the sessions that take part, their number, and the presence frames that tell it. A
// task of its own looks after their time limits. Loop thread only; never takes the chat lock.
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
    /// `tick` is how often time limits are looked at, and so how exactly they are kept. Presence is
    /// sent with a tick, too, but at most four times a second, and less often to very many.
    roster(loop_executor loop, std::chrono::milliseconds tick, session_names& names);

    /// Loops until stop().
    task<> watch_over();
    void stop();

    [[nodiscard]] std::size_t size() const { return members_.size(); }

    /// What the clients are called, for the watch thread.
    [[nodiscard]] session_names& names() const { return names_; }

    /// A number for a new session, never used again.
    [[nodiscard]] std::uint64_t next_id() { return ++last_id_; }

    void add(std::shared_ptr<session> member);
    void remove(const session& member);

    /// Runs all sleeping deliver tasks in this call.
    void wake_all();

    /// Each leaves when it has been given all there is.
    void dismiss_all();

private:
    task<> tell_presence();

    std::vector<std::shared_ptr<session>> members_;
    loop_timer timer_;
    std::chrono::milliseconds tick_;
    session_names& names_;
    std::uint64_t last_id_ = 0;
    session::clock::time_point told_{}; // the last presence
    bool changed_ = false;
    bool stopped_ = false;
};

} // namespace chat
