// Errors that did not end the run, counted by kind for the report.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace chat::load {

using error_counts = std::map<std::string, std::uint64_t>;

/// Counts an error. A kind may contain text from the server, so only 100 kinds are kept; further kinds
/// count as "others".
inline void count_error(error_counts& errors, std::string kind) {
    constexpr std::size_t most_kinds = 100;
    const bool is_one_too_many = errors.size() >= most_kinds && !errors.contains(kind);
    ++errors[is_one_too_many ? "others" : std::move(kind)];
}

} // namespace chat::load
