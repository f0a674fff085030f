#include "server/chat/outbox.hpp"

#include "server/chat/frame.hpp"

#include <algorithm>
#include <utility>

namespace chat {

namespace {

constexpr std::size_t reply_lane_bytes = 64 * 1024;

// A reply that is alone in its lane may be as long as the longest message.
void release_spare_memory(std::string& lane) {
    if (lane.empty() && lane.capacity() > reply_lane_bytes)
        lane.shrink_to_fit();
}

} // namespace

bool outbox::push_reply(std::string_view frame) {
    if (closing_)
        return true; // nobody will read it
    if (!replies_.empty() && replies_.size() + frame.size() > reply_lane_bytes)
        return false;
    replies_ += frame;
    owes_only_news_ = false;
    return true;
}

void outbox::push_gap(std::string_view frame) {
    if (closing_)
        return;
    replies_ += frame;
    owes_only_news_ = false;
}

bool outbox::control_closes() const {
    constexpr char close_frame_start = '\x88';
    return control_.starts_with(close_frame_start);
}

void outbox::accept_control() {
    owes_only_news_ = false;
    if (has_own_close_)
        control_sent_ = control_.size();
    else if (control_closes())
        close();
}

std::size_t outbox::clear_control() {
    const auto size = control_.size();
    control_.clear();
    // The handshake response is longer than every write after it. Do not keep memory for it.
    constexpr std::size_t longest_control_frame = 2 + 125;
    if (size > longest_control_frame)
        control_.shrink_to_fit();
    control_sent_ = 0;
    return size;
}

void outbox::push_close(std::string_view frame) {
    if (closing_)
        return;
    close();
    has_own_close_ = true;
    close_ = frame;
    owes_only_news_ = false;
}

void outbox::close() {
    closing_ = true;
    presence_.clear();
}

void outbox::gather_lanes(gathered& owed) const {
    const auto control = std::string_view{control_}.substr(control_sent_);
    // Only one of tail and control can be cut: no other frame starts before the rest of a cut frame.
    owed.add(lane::tail, tail_);
    // A close frame must be the last frame, so it goes behind the replies, unless it was cut.
    const bool control_goes_last = control_sent_ == 0 && closing_ && !has_own_close_;
    if (!control_goes_last)
        owed.add(lane::control, control);
    owed.add(lane::replies, replies_);
    if (closing_) {
        owed.add(lane::close, close_);
        if (control_goes_last)
            owed.add(lane::control, control);
        return;
    }
    owed.add(lane::presence, presence_);
}

outbox::outcome outbox::settle(const gathered& owed, std::size_t sent) {
    owes_only_news_ = sent == owed.bytes_;
    outcome result;
    for (std::size_t i = 0; i < owed.used_; ++i) {
        const std::string_view bytes{static_cast<const char*>(owed.parts_[i].iov_base),
                                     owed.parts_[i].iov_len};
        const auto part = std::min(sent, bytes.size());
        if (part == 0)
            break;
        sent -= part;
        switch (owed.lanes_[i]) {
        case lane::tail:
            tail_.erase(0, part);
            release_spare_memory(tail_);
            break;
        case lane::control:
            control_sent_ += part;
            result.control_done = control_sent_ == control_.size();
            break;
        case lane::replies:
            take_from(replies_, part);
            result.replies_shrank = true;
            break;
        case lane::close:
            take_from(close_, part);
            break;
        case lane::presence:
            take_from(presence_, part);
            break;
        case lane::news:
            // Nearly always the news went out whole, and the frames need not be counted.
            result.news_taken = part == bytes.size() ? owed.messages_ : take_news(bytes, part);
            break;
        }
    }
    return result;
}

// Removes what was sent from the lane. The rest of a frame that was cut becomes the tail.
void outbox::take_from(std::string& waiting, std::size_t sent) {
    const auto end = sent == waiting.size() ? sent : cut_frames(waiting, sent).end;
    if (end == sent) {
        waiting.erase(0, sent);
    } else if (end == waiting.size()) { // the last frame, which may be long: moved, not copied
        tail_ = std::exchange(waiting, {});
        tail_.erase(0, sent);
    } else {
        tail_ = waiting.substr(sent, end - sent);
        waiting.erase(0, end);
    }
    release_spare_memory(waiting);
}

// Returns how many messages were sent whole, or cut.
std::uint64_t outbox::take_news(std::string_view frames, std::size_t sent) {
    const auto cut = cut_frames(frames, sent);
    tail_ = frames.substr(sent, cut.end - sent);
    return cut.frames;
}

} // namespace chat
