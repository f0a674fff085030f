// The shared message buffer: the last N messages as ready-made frames, numbered from 1 without holes.
// say appends; every session's deliver takes the messages newer than its own cursor. The buffer knows
// nothing of locks or sockets; the room keeps it inside a guarded<message_buffer, buffer_mutex>.
// Loop thread only, because batches share the buffer's blocks and count references without atomics.
#pragma once

#include <boost/smart_ptr/local_shared_ptr.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace chat {

/// Messages that a reader has not received: consecutive, oldest first, as whole frames. A batch stays
/// valid while it is held, whatever the buffer drops meanwhile.
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
    /// Keeps at most this many messages and this many bytes of frames, but always the newest message.
    struct limits {
        std::size_t messages = 1000;
        std::size_t bytes = 4 * 1024 * 1024;
    };

    explicit message_buffer(limits keep);

    /// Numbers the message and stores it as one frame whose payload is
    /// `{"type":"message","seq":N` + `rest`. Amortised O(rest).
    std::uint64_t append(std::string_view rest);

    /// Number of the newest message; 0 before the first.
    [[nodiscard]] std::uint64_t newest() const { return newest_; }

    /// Number of the oldest message in the buffer; newest() + 1 if the buffer is empty.
    [[nodiscard]] std::uint64_t oldest() const { return oldest_; }

    /// Bytes of all frames in the buffer.
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

    /// Returns messages newer than `cursor`: as many as one block has, and at least one if there is
    /// one. Copies no message, because a batch shares the block.
    [[nodiscard]] news_batch since(std::uint64_t cursor) const;

private:
    // Blocks store frames one after another, so a batch is one contiguous run, however many messages
    // it has. A block reserves all its memory at once, and the memory never moves.
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
