// The shared message buffer: the last N messages as ready-made frames, numbered from 1 without gaps.
// say appends a message, and each session's deliver takes the messages that are newer than its own
// cursor. The buffer knows no locks and no sockets. The room keeps it inside a
// guarded<message_buffer, buffer_mutex>. Loop thread only: batches share its blocks, and their
// reference counts are not atomic.
#pragma once

#include <boost/smart_ptr/local_shared_ptr.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace chat {

/// Messages that a client has not been sent yet: consecutive, oldest first, as whole frames. The frames
/// stay valid as long as `owner` is held, even if the buffer drops the messages meanwhile.
struct news_batch {
    boost::local_shared_ptr<const void> owner{};
    std::string_view frames{};
    std::uint64_t first = 0; ///< number of the first message in the batch
    std::uint64_t count = 0; ///< how many messages the batch has
    std::uint64_t missed =
        0; ///< how many messages before it left the buffer before they were taken

    [[nodiscard]] bool empty() const { return count == 0; }
};

class message_buffer {
public:
    /// How much the buffer keeps. The newest message stays even if it exceeds `bytes`.
    struct limits {
        std::size_t messages = 1000;
        std::size_t bytes = 4 * 1024 * 1024;
    };

    explicit message_buffer(limits keep);

    /// Numbers a message and stores it as one frame. `rest` is from encode_message_rest(); its head is
    /// added here. Returns the number. Amortised O(size of rest).
    std::uint64_t append(std::string_view rest);

    /// The number of the newest message, 0 before the first.
    [[nodiscard]] std::uint64_t newest() const { return newest_; }

    /// The number of the oldest message that is kept, newest() + 1 if there is none.
    [[nodiscard]] std::uint64_t oldest() const { return oldest_; }

    /// The size of all frames that are kept.
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

    /// Returns the messages that are newer than `cursor`, as far as they are in one block. Empty only if
    /// there are none. Copies nothing: the batch shares the block.
    [[nodiscard]] news_batch since(std::uint64_t cursor) const;

private:
    // The frames of a block are contiguous, so a batch is a single run of bytes, however many messages
    // it has. The memory of a block is reserved when the block is made, and never moves.
    struct block {
        std::uint64_t first;                // number of its first message
        std::vector<std::uint32_t> offsets; // where each frame starts
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
