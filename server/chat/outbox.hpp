// Everything one connection still has to send, in lanes of whole frames. gather() lists what the next
// send should carry, and settle() removes what the socket took and reports what that means for
// others. An outbox is a plain value: it knows no socket and no executor.
//
//   Beast's bytes ──────────────► control lane ──┐
//   welcome, ack, error, gap ───► reply lane ────┤
//   presence ───────────────────► the newest ────┼─► gather ─► one send ─► settle
//   news from the buffer ────────────────────────┘
//
// This is also the order on the connection, except that the rest of a frame that the socket cut goes
// before everything. A close frame goes behind the replies, and nothing goes behind a close frame.
#pragma once

#include "server/chat/message_buffer.hpp"

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace chat {

class outbox {
    enum class lane { tail, control, replies, close, presence, news };

public:
    /// What one send should carry, in order. Valid until the outbox changes or the batch of news is
    /// released.
    class gathered {
    public:
        /// For send or sendmsg.
        [[nodiscard]] std::span<iovec> parts() { return {parts_.data(), used_}; }

        /// The size of all parts.
        [[nodiscard]] std::size_t bytes() const { return bytes_; }

        /// How many messages the news has.
        [[nodiscard]] std::uint64_t messages() const { return messages_; }

    private:
        friend class outbox;

        void add(lane from, std::string_view part) {
            if (part.empty())
                return;
            parts_[used_] = {const_cast<char*>(part.data()), part.size()};
            lanes_[used_++] = from;
            bytes_ += part.size();
        }

        // Only the first `used_` elements are initialised.
        std::array<iovec, 5> parts_;
        std::array<lane, 5> lanes_;
        std::size_t used_ = 0;
        std::size_t bytes_ = 0;
        std::uint64_t messages_ = 0;
    };

    /// What a send has achieved.
    struct outcome {
        std::uint64_t news_taken = 0; ///< messages that were sent whole, or cut
        bool control_done = false;    ///< Beast's write is out
        bool replies_shrank = false;
    };

    /// Appends a frame to the reply lane. False if the lane is full (64 KiB). A closing outbox drops
    /// the frame, and that counts as success.
    [[nodiscard]] bool push_reply(std::string_view frame);

    /// Appends a gap to the reply lane, even if the lane is full. The lane never holds more than one
    /// gap, because no news is taken before all replies are out.
    void push_gap(std::string_view frame);

    /// Replaces a presence frame that is still unsent.
    void set_presence(std::string_view frame) {
        presence_ = frame;
        owes_only_news_ = false;
    }

    /// Takes one write of Beast's. `fill(to, size)` writes its bytes. A close frame among them closes
    /// the outbox. After push_close() the bytes are not sent, but they count as sent.
    template <class Fill>
    void push_control(std::size_t size, Fill fill) {
        control_.resize(size);
        fill(control_.data(), size);
        accept_control();
    }

    /// True if Beast's write is a close frame.
    [[nodiscard]] bool control_closes() const;

    /// Empties the control lane. Returns the size of Beast's write.
    std::size_t clear_control();

    /// Closes the outbox with a close frame of ours, behind the replies. Only the first call counts,
    /// and none if the outbox is closing already.
    void push_close(std::string_view frame);

    [[nodiscard]] bool has_own_close() const { return has_own_close_; }

    /// Takes no more replies, presence or news. What was accepted before is still sent.
    void close();

    [[nodiscard]] bool is_closing() const { return closing_; }

    /// True if the next send would carry nothing but news.
    [[nodiscard]] bool owes_only_news() const { return owes_only_news_ && !closing_; }

    /// Lists everything that is owed, with the news last.
    [[nodiscard]] gathered gather(const news_batch& news) const {
        gathered owed;
        if (!owes_only_news_)
            gather_lanes(owed);
        if (!closing_) {
            owed.add(lane::news, news.frames);
            owed.messages_ = news.count;
        }
        return owed;
    }

    /// True if settle() would change nothing: the send carried only news, and the socket took all of it.
    /// That is nearly always so.
    [[nodiscard]] bool is_settled(const gathered& owed, std::size_t sent) const {
        return owes_only_news_ && sent == owed.bytes_;
    }

    /// Removes the first `sent` bytes of what was just gathered. A frame that was cut counts as taken,
    /// and its rest goes first in the next send.
    outcome settle(const gathered& owed, std::size_t sent);

private:
    void accept_control();
    void gather_lanes(gathered& owed) const;
    void take_from(std::string& waiting, std::size_t sent);
    std::uint64_t take_news(std::string_view frames, std::size_t sent);

    bool closing_ = false;
    bool has_own_close_ = false;
    // Spares nearly every delivery a look at the lanes. May be false though the lanes are empty.
    bool owes_only_news_ = true;
    std::string tail_;             // the rest of the one frame that was cut
    std::string control_;          // one write of Beast's
    std::size_t control_sent_ = 0; // if not 0, the rest of control_ goes before the other lanes
    std::string replies_;
    std::string close_;
    std::string presence_;
};

} // namespace chat
