// The lesson is in this file. Three kinds of task share one guarded buffer on one thread:
//
//   say      (A)  lock ─ append ─ announce ─ co_await the ack         one per message
//   fan_out  (B)  wait for an announcement ─ lock ─ look ─ wake all   one per room
//   deliver       lock ─ take news ─ send ─ co_await takes_news       one per client
//
// Only this file is compiled differently in the four builds. The switch is in buffer_mutex.hpp.
#include "server/chat/room.hpp"

#include "server/chat/frame.hpp"
#include "server/chat/roster.hpp"
#include "server/chat/session.hpp"
#include "server/numbers/counters.hpp"
#include "server/sync/buffer_mutex.hpp"
#include "server/sync/guarded.hpp"

#include <boost/asio/post.hpp>

#include <chrono>
#include <utility>

namespace chat {

struct room::shared {
    shared(loop_executor loop, message_buffer::limits keep, lock_ledger& ledger)
        : messages{loop, observed_by{buffer_observer{ledger}}, keep}
        , announced{loop} {}

    guarded<message_buffer, buffer_mutex> messages;

    // Not guarded: used only within a turn of the loop, never across a suspension.
    wake_up announced; // by say
    // Messages in the buffer that are newer than the last wake_all(). A message that still waits for
    // the lock does not count.
    std::uint64_t new_messages = 0;
    std::uint64_t new_bytes = 0;
    std::uint64_t newest = 0; // as fan_out saw it; deliver sleeps when its cursor is there
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
    // The announcement is posted before the completion of the ack. So fan_out runs first, and asks
    // for this lock while say is suspended below. This order makes the freeze certain.
    announce(rest.size());

    // WRONG ON PURPOSE in the across_await builds: the guard is held across the co_await below. With
    // std::mutex, fan_out then blocks the only thread that could resume say, and the server is frozen:
    // see workshop/01-the-freeze. The fix, in the released builds, is the next two lines, and the same
    // two lines in take_news() for deliver.
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
            // In its first turn after the announcement, before it waits for anything else.
            auto buffer = co_await shared_->messages.lock({"fan_out"});
            shared_->newest = buffer->newest();
        }
        if (co_await reading_brings_more()) {
            auto buffer = co_await shared_->messages.lock({"fan_out"});
            shared_->newest = buffer->newest();
        }
        {
            // Wakes all in this turn: a post per client would cost as much as the client's lock.
            const send_round::open together{round_};
            roster_.wake_all();
        }
        shared_->new_messages = shared_->new_bytes = 0;
    }
}

namespace {

// Takes the next news for this client from the buffer. In the released builds, releases the lock.
news_batch take_news(session& to, guarded<message_buffer, buffer_mutex>::guard& buffer) {
    auto news = to.progress.take(*buffer);
    if constexpr (!hold_guard_across_await)
        buffer.unlock();
    if (news.missed > 0) {
        counted.limit_hits.add(limit::history);
        counted.missed_messages.add(news.missed);
        // Not by reply(): the reader may be waiting for room in that lane, and only one task can.
        to.out().push_gap(text_frame(encode_gap(news.missed)));
    }
    return news;
}

// Sends the next news to this client, and returns how many messages were taken. Not part of the
// coroutine, so that the batch is on the stack: what a coroutine keeps in its frame has left the cache
// by the next message.
std::uint64_t send_news(session& to, guarded<message_buffer, buffer_mutex>::guard& buffer,
                        send_round& round) {
    auto news = take_news(to, buffer);
    // With the lock held, each deliver task sends by itself. Otherwise the sends of a round go together.
    return hold_guard_across_await ? to.send_news(news) : round.send(to, std::move(news));
}

} // namespace

task<> room::deliver(std::shared_ptr<session> to) {
    while (!to->out().is_closing()) {
        if (!to->progress.is_behind(shared_->newest)) {
            if (to->is_going())
                break;
            co_await to->progress.has_news.wait();
            continue;
        }
        // In the released builds, too short for reading the clock each time: the ledger samples.
        constexpr bool brief = !hold_guard_across_await;
        // The lock is nearly always free. Then this saves the coroutine frame of lock().
        auto buffer = shared_->messages.try_lock({"deliver", to->id(), brief});
        if (!buffer)
            buffer = co_await shared_->messages.lock({"deliver", to->id()});
        if (send_news(*to, buffer, round_) > 0)
            continue;
        // WRONG ON PURPOSE in the across_await builds: nobody else gets the lock as long as this
        // client's socket is full. With the async mutex the loop still turns, but all tasks that need
        // the lock starve.
        co_await to->takes_news();
    }
}

task<> room::greet(std::shared_ptr<session> newcomer, std::size_t max_message_bytes) {
    std::uint64_t newest = 0;
    {
        auto buffer = co_await shared_->messages.lock({"greet", newcomer->id()});
        newest = buffer->newest();
        newcomer->progress.start_with_history(newest);
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
    if (shared_->new_messages == 0) // otherwise fan_out was notified already, and looks again
        shared_->announced.notify();
    ++shared_->new_messages;
    shared_->new_bytes += bytes;
}

// Waits for more messages, because those that are read now go out in the same sends, and sends are
// what costs. Stops after two turns of the loop without news, counting the turn since the
// announcement. A client that sends without pause brings news in every turn, so two more limits
// apply: about a quarter of what the buffer keeps (a single turn may bring more than that to a small
// buffer), and a time.
task<bool> room::reading_brings_more() {
    constexpr int quiet_turns = 2;
    constexpr std::chrono::milliseconds most_time{2};
    const std::uint64_t most_messages = keep_.messages < 1024 ? keep_.messages / 4 : 256;
    const auto is_enough = [&] {
        return shared_->new_messages >= most_messages || shared_->new_bytes >= keep_.bytes / 4;
    };
    const auto start = std::chrono::steady_clock::now();
    const auto at_first = shared_->new_messages;
    int quiet = at_first == 1 ? 1 : 0; // 1 if the turn since the announcement brought nothing more
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
