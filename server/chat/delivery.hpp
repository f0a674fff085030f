// How far the messages have been delivered to one client. Its deliver task sleeps here, and the
// cursor moves here only: forward when news is taken from the buffer, back when the socket did not take
// all of it. Loop thread only.
#pragma once

#include "server/chat/message_buffer.hpp"
#include "server/loop/loop_executor.hpp"
#include "server/loop/wake_up.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace chat {

class delivery {
public:
    explicit delivery(loop_executor loop)
        : has_news{loop} {}

    /// Starts at the oldest message that the buffer still holds at the first take().
    void start_with_history(std::uint64_t newest) {
        cursor_ = newest;
        wants_history_ = newest > 0;
    }

    /// The newest message that was taken for this client.
    [[nodiscard]] std::uint64_t cursor() const { return cursor_; }

    /// True if take() may find something when the newest message in the buffer is this one.
    [[nodiscard]] bool is_behind(std::uint64_t newest) const {
        return cursor_ < newest || wants_history_;
    }

    /// Takes the next news, and moves the cursor past it and past the messages that were missed.
    [[nodiscard]] news_batch take(const message_buffer& from) {
        // Decided here, not in the greeting: messages that left the buffer since then make the
        // history shorter. They are not a gap.
        if (std::exchange(wants_history_, false))
            cursor_ = std::min(cursor_, from.oldest() - 1);
        auto news = from.since(cursor_);
        cursor_ += news.missed + news.count;
        return news;
    }

    /// Moves the cursor back by that many messages, which the socket did not take.
    void give_back(std::uint64_t messages) { cursor_ -= messages; }

    wake_up has_news; ///< wakes the deliver task

private:
    std::uint64_t cursor_ = 0;
    bool wants_history_ = false;
};

} // namespace chat
