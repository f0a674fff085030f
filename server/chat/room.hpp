// The chat itself: what is said goes into the shared message buffer and from there to everyone.
// Which lock guards the buffer, and for how long, is known to room.cpp alone.
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
    /// The lock that this build was made with: `std` or `async`, `across_await` or `released`.
    struct flavour {
        std::string_view mutex;
        std::string_view guard;
    };

    static flavour built_with();

    /// Whether this build has a client's deliver keep the lock while it waits for the client.
    [[nodiscard]] static bool waits_with_the_lock();

    room(loop_executor loop, roster& everyone, message_buffer::limits keep, lock_ledger& ledger);
    ~room();

    /// Task A: stores what was said, announces it, and awaits that its sender's ack is accepted. What
    /// `said` refers to must stay valid until then.
    task<> say(std::shared_ptr<session> from, say_request said);

    /// Task B, one for the room: after an announcement, wakes every client's deliver. Until stop().
    task<> fan_out();

    /// One for each client: sends it everything that its cursor has not passed. Ends with its wire,
    /// or when the client is going and has had everything.
    task<> deliver(std::shared_ptr<session> to);

    /// Greets the client; its deliver begins with the history.
    task<> greet(std::shared_ptr<session> newcomer, std::size_t max_message_bytes);

    /// From here on nothing more can be said; completes when everyone's deliver knows the last
    /// message.
    task<> close();

    /// What is known of the lock and its holder.
    [[nodiscard]] lock_ledger& ledger() const { return ledger_; }

    [[nodiscard]] bool is_closed() const { return closed_; }

    /// Ends fan_out, when everyone has left.
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
