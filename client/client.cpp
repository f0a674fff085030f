#include "client/client.hpp"

#include "client/foreign_text.hpp"
#include "client/spawn.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <utility>

namespace chat::load {

client::client(run_context& shared, std::uint32_t index)
    : run_{shared}
    , index_{index}
    , link_{shared.loop, shared.sockets, shared.shared}
    , welcomed_{shared.loop}
    , turn_{shared.loop} {}

task<handshake_result> client::join(const server_address& server, std::string target,
                                    nanoseconds limit) {
    const auto deadline = clock::now() + limit;
    auto result = co_await link_.open(server, std::move(target), limit);
    if (result.outcome != handshake_outcome::completed)
        co_return result;
    spawn(run_.loop, listen());
    const bool in_time = co_await welcomed_.wait_until(deadline);
    if (in_time && connected_)
        co_return result;
    result = {.outcome = in_time ? handshake_outcome::broken : handshake_outcome::timed_out,
              .detail =
                  in_time ? link_.ending() : "no welcome message within " + format_duration(limit)};
    drop();
    co_return result;
}

void client::take_over(int socket) {
    link_.adopt(socket);
    connected_ = true;
    spawn(run_.loop, listen());
}

void client::say(time_point planned, std::size_t bytes) {
    const auto number = run_.book.send(index_, planned, clock::now());
    const auto text = stamped_text(run_.run, {.sender = index_, .number = number}, bytes);
    ++outstanding_;
    link_.add(opcode::text, fmt::format(R"({{"type":"say","text":"{}","ref":{}}})", text, number));
}

void client::ping() {
    link_.send(opcode::ping, std::to_string(run_.ping_round));
}

void client::leave() {
    leaving_ = true;
    link_.send_close();
}

void client::drop() {
    leaving_ = true;
    link_.drop();
}

task<> client::listen() {
    while (co_await link_.readable()) {
        const auto now = clock::now();
        while (const auto received = link_.next_frame())
            take(*received, now);
    }
    if (skipped_ > announced_)
        run_.errors["sequence numbers left out"] += skipped_ - announced_;
    const bool was_connected = std::exchange(connected_, false);
    if (was_connected && !leaving_)
        note_end();
    welcomed_.ring();
    turn_.ring();
}

void client::note_end() {
    ++run_.connections_ended;
    count_error(run_.errors, fmt::format("connection: {}", link_.ending()));
    if (const auto& closed = link_.closed_by_server())
        ++run_.closed_by_server[*closed];
    const auto now = clock::now();
    run_.book.leave(index_, now);
    run_.book.abandon(index_, replies_, now);
}

void client::take(const frame& received, time_point now) {
    if (received.op == opcode::pong) {
        run_.pongs += received.payload == std::to_string(run_.ping_round) ? 1 : 0;
        return;
    }
    if (received.op != opcode::text)
        return;
    const auto news = read_incoming(run_.run, received.payload);
    if (const auto* message = std::get_if<said>(&news))
        take(*message, now);
    else if (std::holds_alternative<acknowledged>(news))
        ++replies_;
    else if (const auto* welcome = std::get_if<welcomed>(&news))
        take(*welcome);
    else if (const auto* gap = std::get_if<missed>(&news))
        take(*gap);
    else if (const auto* refusal = std::get_if<refused>(&news))
        take(*refusal, now);
    else if (std::holds_alternative<unreadable>(news))
        ++run_.errors["unreadable messages"];
}

void client::take(const welcomed& welcome) {
    seq_at_welcome_ = welcome.seq;
    run_.mutex = shortened(welcome.mutex);
    run_.guard = shortened(welcome.guard);
    connected_ = true;
    welcomed_.ring();
}

void client::take(const said& message, time_point now) {
    follow_sequence(message.seq);
    if (!message.mark)
        return;
    run_.book.deliver(index_, *message.mark, now);
    if (message.mark->sender == index_)
        one_is_settled();
}

void client::take(const missed& gap) {
    announced_ += gap.messages;
    book_missed();
    run_.errors["messages missed by readers that were too slow"] += gap.messages;
    outstanding_ = 0; // our own messages may be among the missed ones
    turn_.ring();
}

void client::take(const refused& refusal, time_point now) {
    count_error(run_.errors, fmt::format("refused by the server: {}", shortened(refusal.code)));
    run_.book.refuse({.sender = index_, .number = replies_++}, now);
    one_is_settled();
}

void client::one_is_settled() {
    outstanding_ -= outstanding_ > 0 ? 1 : 0; // after a gap a missed message may still come back
    turn_.ring();
}

void client::book_missed() {
    run_.book.miss(index_, std::max(announced_, skipped_ - std::min(skipped_, late_)));
}

void client::follow_sequence(std::uint64_t seq) {
    // History may begin anywhere. After its first message every hole must be announced.
    const bool is_first = last_seq_ == 0;
    const auto next = is_first ? std::min(seq, seq_at_welcome_ + 1) : last_seq_ + 1;
    if (seq < next) {
        ++run_.errors["sequence numbers that went back"];
        ++late_;
    } else if (seq > next) {
        skipped_ += seq - next;
        book_missed();
    }
    last_seq_ = std::max(seq, last_seq_);
}

} // namespace chat::load
