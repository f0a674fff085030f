// What went wrong in a run without ending it, counted by kind for the report.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace chat::load {

using error_counts = std::map<std::string, std::uint64_t>;

/// A kind may contain words of the server's, so there is an end to how many are told apart.
inline void count_error(error_counts& errors, std::string kind) {
    constexpr std::size_t most_kinds = 100;
    const bool is_one_too_many = errors.size() >= most_kinds && !errors.contains(kind);
    ++errors[is_one_too_many ? "others" : std::move(kind)];
}

} // namespace chat::load
