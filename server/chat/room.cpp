// Contains the lesson. Three kinds of task share one guarded buffer on one thread:
//
//   say      (A)  lock ─ append ─ announce ─ co_await the ack         one per message
//   fan_out  (B)  wait for an announcement ─ lock ─ look ─ wake all   one per room
//   deliver       lock ─ take news ─ send ─ co_await takes_news       one per client
//
// Only this file is compiled differently in the four builds; buffer_mutex.hpp has the switch.
#include "server/chat/room.hpp"

#include "server/chat/frame.hpp"
#include "server/chat/roster.hpp"
#include "server/chat/session.hpp"
#include "server/numbers/counters.hpp"
#include "server/sync/buffer_mutex.hpp"
#include "server/sync/guarded.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace chat {

struct room::shared {
    shared(loop_executor loop, message_buffer::limits keep, lock_ledger& ledger)
        : messages{loop, observed_by{buffer_observer{ledger}}, keep}
        , announced{loop} {}

    guarded<message_buffer, buffer_mutex> messages;

    // Not guarded, because only turns of the loop use these, and never across a suspension.
    wake_up announced; // a message was appended
    // Counted since fan_out last woke everyone. Only messages in the buffer count, not those that still
    // wait for the lock.
    std::uint64_t new_messages = 0;
    std::uint64_t new_bytes = 0;
    std::uint64_t newest = 0; // as fan_out last saw it; a deliver whose cursor is there may sleep
};

room::flavour room::built_with() {
    return {mutex_name, guard_name};
}

room::room(loop_executor loop, roster& everyone, message_buffer::limits keep, lock_ledger& ledger)
    : loop_{loop}
    , roster_{everyone}
    , shared_{std::make_unique<shared>(loop, keep, ledger)}
    , ledger_{ledger}
    , keep_{keep} {}

task<> room::say(std::shared_ptr<session> from, say_request said) {
    const auto now = std::chrono::system_clock::now();
    const auto rest = encode_message_rest(from->id(), from->name(), said.text, now);

    auto buffer = co_await shared_->messages.lock({"say", from->id()});
    const auto seq = buffer->append(rest);
    // The announcement is posted before the ack can complete. So fan_out runs first, and asks for
    // this same lock while this task is suspended below. That order makes the freeze certain.
    announce(rest.size());

    // WRONG ON PURPOSE in the across_await builds: the guard stays alive across the co_await below.
    // With std::mutex, fan_out then blocks the only thread that could resume this task, and the
    // server freezes: see workshop/01-the-freeze. The released builds show the fix: these two lines,
    // and the same two for deliver, in send_news.
    if constexpr (!hold_guard_across_await)
        buffer.unlock();
    co_await from->reply(encode_ack(said.ref, seq));
}

task<> room::fan_out() {
    for (;;) {
        co_await shared_->announced.wait();
        if (stopped_)
            co_return;
        {
            // Taken in the first turn after the announcement, before any waiting.
            auto buffer = co_await shared_->messages.lock({"fan_out"});
            shared_->newest = buffer->newest();
        }
        if (co_await reading_brings_more()) {
            auto buffer = co_await shared_->messages.lock({"fan_out"});
            shared_->newest = buffer->newest();
        }
        {
            // Resumed in this turn, because a post per client would cost as much as its lock.
            const send_round::open together{round_};
            roster_.wake_all();
        }
        shared_->new_messages = shared_->new_bytes = 0;
    }
}

namespace {

// Sends the messages that the client has not received, and returns how many were taken. A separate
// function keeps the batch on the stack: a coroutine's frame has left the cache by the time the next
// message arrives.
std::uint64_t send_news(session& to, guarded<message_buffer, buffer_mutex>::guard& buffer,
                        send_round& round) {
    // Done here, not in greet(): messages dropped in between shorten the history and are not a gap.
    if (std::exchange(to.wants_history, false))
        to.cursor = std::min(to.cursor, buffer->oldest() - 1);
    auto news = buffer->since(to.cursor);
    if constexpr (!hold_guard_across_await)
        buffer.unlock();
    if (news.missed > 0) {
        to.cursor += news.missed;
        counted.struck.add(limit::history);
        counted.missed_messages.add(news.missed);
        // Not with reply(): the reader may be waiting for room in that lane, and only one task can.
        to.out().push_gap(text_frame(encode_gap(news.missed)));
    }
    // The across_await builds send now, with the lock held; the released builds send in rounds.
    const auto taken =
        hold_guard_across_await ? to.out().send_news(news) : round.send(to, std::move(news));
    to.cursor += taken;
    return taken;
}

} // namespace

task<> room::deliver(std::shared_ptr<session> to) {
    while (!to->out().is_closing()) {
        if (to->cursor >= shared_->newest && !to->wants_history) {
            if (to->is_going())
                break;
            co_await to->has_news.wait();
            continue;
        }
        // The hold is shorter than reading the clock takes, so the ledger times only a sample.
        constexpr bool brief = !hold_guard_across_await;
        // The lock is nearly always free, and try_lock() then spares the cost of a coroutine frame.
        auto buffer = shared_->messages.try_lock({"deliver", to->id(), brief});
        if (!buffer)
            buffer = co_await shared_->messages.lock({"deliver", to->id()});
        if (send_news(*to, buffer, round_) > 0)
            continue;
        // WRONG ON PURPOSE in the across_await builds: while this client's socket is full, no other
        // task gets the lock. With the async mutex the loop still runs, but every other client
        // starves.
        co_await to->takes_news();
    }
}

task<> room::greet(std::shared_ptr<session> newcomer, std::size_t max_message_bytes) {
    std::uint64_t newest = 0;
    {
        auto buffer = co_await shared_->messages.lock({"greet", newcomer->id()});
        newest = buffer->newest();
        newcomer->cursor = newest;
        newcomer->wants_history = newest > 0;
    }
    const auto [mutex, guard] = built_with();
    const welcome greeting{.id = newcomer->id(),
                           .name = newcomer->name(),
                           .seq = newest,
                           .mutex = mutex,
                           .guard = guard,
                           .max_message_bytes = max_message_bytes,
                           .history = keep_.messages};
    co_await newcomer->reply(encode(greeting));
    newcomer->flush_soon();
}

task<> room::close() {
    closed_ = true;
    auto buffer = co_await shared_->messages.lock({"close"});
    shared_->newest = buffer->newest();
}

bool room::waits_with_the_lock() {
    return hold_guard_across_await;
}

room::~room() = default;

void room::stop() {
    stopped_ = true;
    shared_->announced.notify();
}

void room::announce(std::size_t bytes) {
    if (shared_->new_messages == 0) // otherwise fan_out is already notified, and will look again
        shared_->announced.notify();
    ++shared_->new_messages;
    shared_->new_bytes += bytes;
}

// Waits until reading is quiet: two turns of the loop without news, counting the turn since the
// announcement. Returns true if more messages came. They go out in the same sends, and sends are the
// main cost. A client that sends without waiting brings a message in every turn, so the wait also
// ends after most_time, or after about a quarter of the messages that the buffer keeps (a single turn
// can bring more than that to a small buffer).
task<bool> room::reading_brings_more() {
    constexpr int quiet_turns = 2;
    constexpr std::chrono::milliseconds most_time{2};
    const std::uint64_t most_messages = keep_.messages < 1024 ? keep_.messages / 4 : 256;
    const auto is_enough = [&] {
        return shared_->new_messages >= most_messages || shared_->new_bytes >= keep_.bytes / 4;
    };
    const auto start = std::chrono::steady_clock::now();
    const auto at_first = shared_->new_messages;
    int quiet = at_first == 1 ? 1 : 0; // 1: the turn since the announcement brought nothing more
    while (quiet < quiet_turns && !is_enough()) {
        const auto before = shared_->new_messages;
        co_await asio::post(loop_, use_task);
        if (shared_->new_messages == before) {
            ++quiet;
            continue;
        }
        quiet = 0;
        if (std::chrono::steady_clock::now() - start > most_time)
            break;
    }
    co_return shared_->new_messages > at_first;
}

} // namespace chat
