// Puts the sends of one round together. The kernel's code for a send drives most of our code and data
// out of the cache, so a delivery between two sends runs with a cold cache. In a round, some dozens
// of sessions first take their news, and then one send follows the other.
// Loop thread only. A round is part of one turn of the loop: nothing else happens meanwhile.
#pragma once

#include "server/chat/message_buffer.hpp"
#include "server/chat/wire.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace chat {

class session;

class send_round {
public:
    /// Opens the round, and sends at its end what is still put aside.
    class [[nodiscard]] open {
    public:
        explicit open(send_round& round);
        ~open();
        open(const open&) = delete;
        open& operator=(const open&) = delete;

    private:
        send_round& round_;
    };

    /// Sends like session::send_news(). But if the round is open and nothing else is owed to the client,
    /// the batch is put aside and counts as taken. Messages that the socket does not take at the end of
    /// the round are given back then, and the deliver task is woken.
    [[nodiscard]] std::uint64_t send(session& to, news_batch news);

private:
    // The session takes part in the chat, and its deliver task sleeps or is in send(). Neither ends in
    // this turn.
    struct deferred {
        session* to;
        wire::deferred_news news;
    };

    void send_all();

    bool is_open_ = false;
    std::size_t used_ = 0;
    std::array<deferred, 64> deferred_;
};

} // namespace chat
