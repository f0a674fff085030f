// The sessions that take part in the chat, their number, and the presence frames that announce it. A
// separate task checks their time limits. Loop thread only; never takes the chat lock.
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
    /// `tick` is how often time limits are checked, and so how exactly they are kept. Presence is sent
    /// on a tick, but at most four times a second, and less often if there are very many clients.
    roster(loop_executor loop, std::chrono::milliseconds tick, session_names& names);

    /// Loops until stop().
    task<> watch_over();
    void stop();

    [[nodiscard]] std::size_t size() const { return members_.size(); }

    /// The clients' names, for the watch thread.
    [[nodiscard]] session_names& names() const { return names_; }

    /// Returns a number for a new session. A number is never reused.
    [[nodiscard]] std::uint64_t next_id() { return ++last_id_; }

    void add(std::shared_ptr<session> member);
    void remove(const session& member);

    /// Resumes all sleeping deliver tasks, within this call.
    void wake_all();

    /// Makes every session leave once it has received all messages.
    void dismiss_all();

private:
    task<> send_presence();

    std::vector<std::shared_ptr<session>> members_;
    loop_timer timer_;
    std::chrono::milliseconds tick_;
    session_names& names_;
    std::uint64_t last_id_ = 0;
    session::clock::time_point last_presence_{};
    bool changed_ = false;
    bool stopped_ = false;
};

} // namespace chat
