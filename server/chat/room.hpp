// The chat itself: every message goes into the shared message buffer and from there to all clients.
// Only room.cpp knows which lock guards the buffer, and how long the lock is held.
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
    /// How this build locks the buffer: `std` or `async`, `across_await` or `released`.
    struct flavour {
        std::string_view mutex;
        std::string_view guard;
    };

    static flavour built_with();

    /// True if a deliver task of this build holds the lock while it waits for its client.
    [[nodiscard]] static bool waits_with_the_lock();

    room(loop_executor loop, roster& everyone, message_buffer::limits keep, lock_ledger& ledger);
    ~room();

    /// Task A: stores a message, announces it, and waits until the sender's ack is accepted. The text
    /// that `said` refers to must stay valid until then.
    task<> say(std::shared_ptr<session> from, say_request said);

    /// Task B, one per room: wakes every client's deliver task after an announcement. Ends after
    /// stop().
    task<> fan_out();

    /// One per client: sends every message that the client's cursor has not passed. Ends when the wire
    /// closes, or when the client is leaving and everything was sent.
    task<> deliver(std::shared_ptr<session> to);

    /// Sends the welcome. Delivery to this client then begins with the history.
    task<> greet(std::shared_ptr<session> newcomer, std::size_t max_message_bytes);

    /// Refuses messages from now on. Completes when every deliver task can see which message is the
    /// last.
    task<> close();

    /// The record of the lock, its holder and its waiters.
    [[nodiscard]] lock_ledger& ledger() const { return ledger_; }

    [[nodiscard]] bool is_closed() const { return closed_; }

    /// Ends fan_out(). Call it after all clients have left.
    void stop();

private:
    struct shared; // the guarded buffer, whose type depends on the build

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
