// Describes a report in words, for the terminal.
#pragma once

#include "client/report/report.hpp"

#include <string>
#include <vector>

namespace chat::load {

/// Returns the whole summary, safe for a terminal: the headline, one line for each piece of evidence, then
/// the numbers.
std::string summary(const report& run, bool colours);

/// Returns the verdict in a few words: `FROZEN on the first message`.
std::string headline(const report& run);

/// Returns the observations, such as `0 of 50 pings answered`. They may contain unescaped foreign text.
std::vector<std::string> evidence_lines(const report& run);

} // namespace chat::load
