#include "server/chat/send_round.hpp"

#include "server/chat/send_now.hpp"
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
    // News that this client has already deferred goes first, and the socket may not take all of it.
    if (used_ == waiting_.size() || (used_ > 0 && waiting_[used_ - 1].to == &to))
        send_all();
    // A departing client's close frame follows its last messages, so those must not be deferred.
    if (!is_open_ || to.is_going() || !to.out().owes_nothing())
        return to.out().send_news(news);
    const auto count = news.count;
    waiting_[used_++] = {&to, to.out().native_handle(), std::move(news)};
    return count;
}

void send_round::send_all() {
    std::uint64_t deliveries = 0;
    std::uint64_t bytes = 0;
    for (auto& [to, socket, news] : std::span{waiting_}.first(std::exchange(used_, 0))) {
        const auto sent = send_now(socket, news.frames);
        if (sent == static_cast<ssize_t>(news.frames.size())) {
            deliveries += news.count;
            bytes += news.frames.size();
        } else {
            to->cursor -= news.count - to->out().sent_in_part(news, sent);
            to->has_news.notify();
        }
        news.owner.reset();
    }
    counted.deliveries.add(deliveries);
    counted.sent_bytes.add(bytes);
}

} // namespace chat
