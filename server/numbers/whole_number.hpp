// Checks whole numbers on both command lines. CLI11's own check says what is wrong but not what to write instead,
// and some versions take `-1` for 4294967295 or `1.5` for 1.
#pragma once

#include <CLI/CLI.hpp>
#include <spdlog/fmt/fmt.h>

#include <charconv>
#include <cstdint>
#include <string>

namespace chat {

inline CLI::Validator whole_number(std::uint64_t least, std::uint64_t most) {
    return {[least, most](std::string& text) {
                std::uint64_t value = 0;
                const auto* const last = text.data() + text.size();
                const auto [end, error] = std::from_chars(text.data(), last, value);
                const bool fits =
                    error == std::errc{} && end == last && value >= least && value <= most;
                return fits ? std::string{}
                            : fmt::format("'{}' is not a whole number from {} to {}", text, least,
                                          most);
            },
            ""};
}

} // namespace chat
