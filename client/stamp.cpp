#include "client/stamp.hpp"

#include <spdlog/fmt/fmt.h>

#include <charconv>
#include <random>

namespace chat::load {

namespace {

constexpr std::string_view opening = "load ";

/// Removes a number and the space after it from the front.
std::optional<std::uint32_t> take_number(std::string_view& text) {
    std::uint32_t number = 0;
    const auto* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, number);
    if (error != std::errc{} || end == last || *end != ' ')
        return {};
    text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
    return number;
}

} // namespace

std::string new_run_id() {
    return fmt::format("{:08x}", std::random_device{}());
}

std::string stamped_text(std::string_view run, stamp mark, std::size_t bytes) {
    auto text = fmt::format("{}{} {} {} ", opening, run, mark.sender, mark.number);
    text.resize(bytes, '.');
    return text;
}

std::optional<stamp> read_stamp(std::string_view run, std::string_view text) {
    if (!text.starts_with(opening) || !text.substr(opening.size()).starts_with(run))
        return {};
    text.remove_prefix(std::min(opening.size() + run.size() + 1, text.size()));
    const auto sender = take_number(text);
    const auto number = sender ? take_number(text) : std::nullopt;
    if (!number)
        return {};
    return stamp{.sender = *sender, .number = *number};
}

} // namespace chat::load
