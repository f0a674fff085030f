// The sends of one round, put together. What the kernel runs for a send drives most of our code and
// data out of the cache, so that a delivery between two sends runs cold. In a round, some dozens of
// sessions first take what is new, and then one send follows the other.
// Loop thread only. A round is a part of one turn of the loop: nothing else happens meanwhile.
#pragma once

#include "server/chat/message_buffer.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace chat {

class session;

class send_round {
public:
    /// The round lasts as long as this; its end sends what is still put aside.
    class [[nodiscard]] open {
    public:
        explicit open(send_round& round);
        ~open();
        open(const open&) = delete;
        open& operator=(const open&) = delete;

    private:
        send_round& round_;
    };

    /// As wire::send_news, and the caller adds the result to its cursor. But in a round, news that
    /// are all that is owed are put aside, and count as taken. What the socket then does not take,
    /// the cursor is set back by, and deliver is woken for it.
    [[nodiscard]] std::uint64_t send(session& to, news_batch news);

private:
    struct put_aside {
        session*
            to; // of a member, whose deliver sleeps or calls send(): it does not end in this turn
        int socket;
        news_batch news;
    };

    void send_all();

    bool is_open_ = false;
    std::size_t used_ = 0;
    std::array<put_aside, 64> waiting_;
};

} // namespace chat
