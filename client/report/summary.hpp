// A report in plain words for the terminal.
#pragma once

#include "client/report/report.hpp"

#include <string>
#include <vector>

namespace chat::load {

/// Fit for a terminal: `FROZEN on the first message`, then the evidence, one line each, then the numbers.
std::string summary(const report& run, bool colours);

/// The verdict in a few words: `FROZEN on the first message`.
std::string headline(const report& run);

/// What was seen: `0 of 50 pings answered`. May hold foreign text as it is.
std::vector<std::string> evidence_lines(const report& run);

} // namespace chat::load
