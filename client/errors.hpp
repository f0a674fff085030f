// What went wrong in a run without ending it, counted by kind for the report.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace chat::load {

using error_counts = std::map<std::string, std::uint64_t>;

} // namespace chat::load
