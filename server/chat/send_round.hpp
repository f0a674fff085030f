// Groups the sends of one round. A send's kernel code drives most of our code and data out of the
// cache, so a delivery between two sends finds a cold cache. In a round, dozens of sessions first take
// their news, and then their sends follow one another.
// Loop thread only. A round is part of one turn of the loop: nothing else happens meanwhile.
#pragma once

#include "server/chat/message_buffer.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace chat {

class session;

class send_round {
public:
    /// A round lasts as long as this object. Its destructor sends all deferred news.
    class [[nodiscard]] open {
    public:
        explicit open(send_round& round);
        ~open();
        open(const open&) = delete;
        open& operator=(const open&) = delete;

    private:
        send_round& round_;
    };

    /// Like wire::send_news: the caller adds the result to its cursor. But in a round, if nothing but
    /// news is owed, the news is deferred and counts as taken. If the socket then takes less, the
    /// cursor is set back and deliver is woken.
    [[nodiscard]] std::uint64_t send(session& to, news_batch news);

private:
    struct deferred {
        // A member: its deliver sleeps or is calling send(), so the session does not end in this turn.
        session* to;
        int socket;
        news_batch news;
    };

    void send_all();

    bool is_open_ = false;
    std::size_t used_ = 0;
    std::array<deferred, 64> waiting_;
};

} // namespace chat
