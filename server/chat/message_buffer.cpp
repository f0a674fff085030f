#include "server/chat/message_buffer.hpp"

#include "server/chat/frame.hpp"
#include "server/chat/protocol.hpp"

#include <boost/smart_ptr/make_local_shared.hpp>

#include <algorithm>

namespace chat {

message_buffer::message_buffer(limits keep)
    : keep_{std::max<std::size_t>(keep.messages, 1), keep.bytes}
    , block_bytes_{std::clamp<std::size_t>(keep.bytes / 8, 4 * 1024, 256 * 1024)} {}

std::uint64_t message_buffer::append(std::string_view rest) {
    const auto seq = newest_ + 1;
    const message_head head{seq};
    char header[max_frame_header];
    const auto payload = head.text().size() + rest.size();
    const auto header_size = write_text_header(header, payload);

    make_room_for(header_size + payload);
    auto& last = *blocks_.back();
    last.offsets.push_back(static_cast<std::uint32_t>(last.frames.size()));
    last.frames.append(header, header_size).append(head.text()).append(rest);
    newest_ = seq;
    bytes_ += header_size + payload;
    drop_what_exceeds_the_limits();
    return seq;
}

void message_buffer::make_room_for(std::size_t frame_bytes) {
    if (!blocks_.empty()) {
        const auto& frames = blocks_.back()->frames;
        if (frames.capacity() - frames.size() >= frame_bytes)
            return;
    }
    auto fresh =
        boost::make_local_shared<block>(block{.first = newest_ + 1, .offsets = {}, .frames = {}});
    fresh->frames.reserve(std::max(block_bytes_, frame_bytes));
    blocks_.push_back(std::move(fresh));
}

void message_buffer::drop_what_exceeds_the_limits() {
    while (oldest_ < newest_ && (newest_ - oldest_ + 1 > keep_.messages || bytes_ > keep_.bytes)) {
        const auto& front = *blocks_.front();
        bytes_ -= front.start_of(oldest_ + 1) - front.start_of(oldest_);
        if (++oldest_ == front.end())
            blocks_.pop_front();
    }
}

const boost::local_shared_ptr<message_buffer::block>&
message_buffer::block_of(std::uint64_t seq) const {
    if (seq >= blocks_.back()->first) // nearly always
        return blocks_.back();
    return *std::prev(
        std::ranges::upper_bound(blocks_, seq, {}, [](const auto& b) { return b->first; }));
}

news_batch message_buffer::since(std::uint64_t cursor) const {
    if (cursor >= newest_)
        return {};
    const auto first = std::max(cursor + 1, oldest_);
    const auto& from = block_of(first);
    const auto begin = from->start_of(first);
    return {.owner = from,
            .frames = {from->frames.data() + begin, from->frames.size() - begin},
            .first = first,
            .count = from->end() - first,
            .missed = first - cursor - 1};
}

} // namespace chat
