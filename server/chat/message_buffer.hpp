// The shared message buffer: the last N messages as ready-made frames, numbered from 1 without
// holes. say appends, every session's deliver takes what is newer than its own cursor. It knows
// nothing of locks or sockets; the room keeps it inside a guarded<message_buffer, buffer_mutex>.
// Loop thread only: batches share its blocks, and count them without atomics.
#pragma once

#include <boost/smart_ptr/local_shared_ptr.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace chat {

/// What a reader has not had yet: consecutive messages, oldest first, as whole frames. Stays valid
/// while it is held, whatever the buffer drops meanwhile.
struct news_batch {
    boost::local_shared_ptr<const void> owner;
    std::string_view frames;
    std::uint64_t first = 0;  ///< sequence number of the first message in it
    std::uint64_t count = 0;  ///< messages in it
    std::uint64_t missed = 0; ///< messages between the cursor and `first` that have left the buffer

    [[nodiscard]] bool empty() const { return count == 0; }
};

class message_buffer {
public:
    /// What is kept: at most so many messages and so many bytes of frames, the newest always.
    struct limits {
        std::size_t messages = 1000;
        std::size_t bytes = 4 * 1024 * 1024;
    };

    explicit message_buffer(limits keep);

    /// Numbers the message and stores it as one frame whose payload is
    /// `{"type":"message","seq":N` + `rest`. Amortised O(rest).
    std::uint64_t append(std::string_view rest);

    /// Number of the newest message, 0 before the first.
    [[nodiscard]] std::uint64_t newest() const { return newest_; }

    /// Number of the oldest message still here; newest() + 1 when there is none.
    [[nodiscard]] std::uint64_t oldest() const { return oldest_; }

    /// Bytes of the frames that are kept.
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

    /// What is newer than `cursor`: as much as one block has, at least one message if there is one.
    /// Copies no message: a batch shares the block.
    [[nodiscard]] news_batch since(std::uint64_t cursor) const;

private:
    // Frames lie one behind the other in blocks, so that a batch is one contiguous run however many
    // messages it has. A block's memory is reserved at once and never moves.
    struct block {
        std::uint64_t first;                // number of its first message
        std::vector<std::uint32_t> offsets; // where each of its frames starts
        std::string frames;

        [[nodiscard]] std::uint64_t end() const { return first + offsets.size(); }

        [[nodiscard]] std::size_t start_of(std::uint64_t seq) const {
            return seq < end() ? offsets[seq - first] : frames.size();
        }
    };

    void make_room_for(std::size_t frame_bytes);
    void drop_what_exceeds_the_limits();
    [[nodiscard]] const boost::local_shared_ptr<block>& block_of(std::uint64_t seq) const;

    limits keep_;
    std::size_t block_bytes_;
    std::deque<boost::local_shared_ptr<block>> blocks_;
    std::uint64_t newest_ = 0;
    std::uint64_t oldest_ = 1;
    std::size_t bytes_ = 0;
};

} // namespace chat
