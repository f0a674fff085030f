// The chat itself: a message goes into the shared message buffer, and from there to every client.
// Only room.cpp knows which lock guards the buffer, and for how long.
#pragma once

#include "server/chat/message_buffer.hpp"
#include "server/chat/protocol.hpp"
#include "server/chat/send_round.hpp"
#include "server/loop/loop_executor.hpp"

#include <memory>
#include <string_view>

namespace chat {

class lock_ledger;
class roster;
class session;

class room {
public:
    /// The lock of this build: `std` or `async`, held `across_await` or `released`.
    struct flavour {
        std::string_view mutex;
        std::string_view guard;
    };

    static flavour built_with();

    /// True if deliver keeps the lock in this build while it waits for its client.
    [[nodiscard]] static bool waits_with_the_lock();

    room(loop_executor loop, roster& everyone, message_buffer::limits keep, lock_ledger& ledger);
    ~room();

    /// Task A: stores the message, announces it, and waits until the sender's ack is accepted. The
    /// text that `said` refers to must stay valid until then.
    task<> say(std::shared_ptr<session> from, say_request said);

    /// Task B, one per room: wakes every client's deliver after an announcement. Runs until stop().
    task<> fan_out();

    /// One per client: sends every message newer than the client's cursor. Ends when the wire is
    /// closed, or when the client is leaving and has received everything.
    task<> deliver(std::shared_ptr<session> to);

    /// Sends the welcome. The client's deliver then begins with the history.
    task<> greet(std::shared_ptr<session> newcomer, std::size_t max_message_bytes);

    /// Ends the chat: no further messages are accepted. Completes when every deliver can see the last
    /// message.
    task<> close();

    /// Records who holds the lock and who waits for it.
    [[nodiscard]] lock_ledger& ledger() const { return ledger_; }

    [[nodiscard]] bool is_closed() const { return closed_; }

    /// Ends fan_out. Call it when every client has left.
    void stop();

private:
    struct shared; // the guarded buffer: its type depends on the build

    void announce(std::size_t bytes);
    task<bool> reading_brings_more();

    loop_executor loop_;
    roster& roster_;
    std::unique_ptr<shared> shared_;
    send_round round_;
    lock_ledger& ledger_;
    message_buffer::limits keep_;
    bool closed_ = false;
    bool stopped_ = false;
};

} // namespace chat
