#include "server/chat/send_round.hpp"

#include "server/chat/session.hpp"
#include "server/numbers/counters.hpp"

#include <span>
#include <utility>

namespace chat {

send_round::open::open(send_round& round)
    : round_{round} {
    round_.is_open_ = true;
}

send_round::open::~open() {
    round_.send_all();
    round_.is_open_ = false;
}

std::uint64_t send_round::send(session& to, news_batch news) {
    // A batch that was put aside for this client goes first, and the socket may not take all of it.
    if (used_ == deferred_.size() || (used_ > 0 && deferred_[used_ - 1].to == &to))
        send_all();
    // A departing client's close frame follows its last news, so it must not be put aside.
    if (!is_open_ || to.is_going() || !to.out().owes_only_news())
        return to.send_news(news);
    const auto count = news.count;
    deferred_[used_++] = {&to, to.out().defer(std::move(news))};
    return count;
}

void send_round::send_all() {
    std::uint64_t deliveries = 0;
    std::uint64_t bytes = 0;
    for (auto& [to, news] : std::span{deferred_}.first(std::exchange(used_, 0))) {
        if (const auto not_taken = news.send()) {
            to->progress.give_back(*not_taken);
            to->progress.has_news.notify();
        } else {
            deliveries += news.messages();
            bytes += news.bytes();
        }
        news.release();
    }
    counted.deliveries.add(deliveries);
    counted.sent_bytes.add(bytes);
}

} // namespace chat
