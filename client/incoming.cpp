#include "client/incoming.hpp"

#include <boost/json.hpp>

#include <charconv>

namespace chat::load {

namespace json = boost::json;

namespace {

constexpr std::string_view message_opening = R"({"type":"message","seq":)";
constexpr std::string_view ack_opening = R"({"type":"ack",)";
constexpr std::string_view text_opening = R"(,"text":")";

/// Reads a message with a stamp of this run in the exact form that the server writes. Quotes inside JSON
/// strings are escaped, so the first `,"text":"` is the key and not part of a user name.
std::optional<said> read_own_message(std::string_view run, std::string_view frame) {
    const auto* const seq_begin = frame.data() + message_opening.size();
    std::uint64_t seq = 0;
    const auto [end, error] = std::from_chars(seq_begin, frame.data() + frame.size(), seq);
    if (error != std::errc{})
        return {};
    const auto text = frame.find(text_opening, static_cast<std::size_t>(end - frame.data()));
    if (text == std::string_view::npos)
        return {};
    const auto mark = read_stamp(run, frame.substr(text + text_opening.size()));
    return mark ? std::optional{said{.seq = seq, .mark = mark}} : std::nullopt;
}

std::string text_of(const json::object& object, std::string_view key) {
    const auto* value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string{value->get_string()}
                                                  : std::string{};
}

std::uint64_t number_of(const json::object& object, std::string_view key) {
    const auto* value = object.if_contains(key);
    boost::system::error_code not_a_number;
    return value != nullptr ? value->to_number<std::uint64_t>(not_a_number) : 0;
}

incoming read_json(std::string_view run, std::string_view frame) {
    boost::system::error_code error;
    const auto value = json::parse(frame, error);
    const auto* object = error ? nullptr : value.if_object();
    const auto type = object != nullptr ? text_of(*object, "type") : std::string{};
    if (type.empty())
        return unreadable{};
    if (type == "message")
        return said{.seq = number_of(*object, "seq"),
                    .mark = read_stamp(run, text_of(*object, "text"))};
    if (type == "ack")
        return acknowledged{};
    if (type == "welcome")
        return welcomed{.seq = number_of(*object, "seq"),
                        .mutex = text_of(*object, "mutex"),
                        .guard = text_of(*object, "guard")};
    if (type == "gap")
        return missed{.messages = number_of(*object, "missed")};
    if (type == "error")
        return refused{.code = text_of(*object, "code")};
    return ignored{};
}

} // namespace

incoming read_incoming(std::string_view run, std::string_view frame) {
    if (frame.starts_with(message_opening)) {
        if (auto own = read_own_message(run, frame))
            return *own;
    } else if (frame.starts_with(ack_opening)) {
        return acknowledged{};
    }
    return read_json(run, frame);
}

} // namespace chat::load
