// The numbers of a report as text: the rows of the comparison and of the page.
#pragma once

#include "client/report/report.hpp"

#include <string>
#include <vector>

namespace chat::load {

struct fact {
    std::string label;
    std::string value; ///< `-` if there is no value
};

/// Returns the same labels in the same order for every report. Values may contain unescaped foreign text.
std::vector<fact> facts(const report& run);

/// True if Ctrl-C ended a run in which nothing was wrong so far.
bool was_interrupted(const report& run);

/// Returns the verdict, or `interrupted` for an interrupted run without problems.
std::string outcome_in_words(const report& run);

/// Formats 1234567 as `1,234,567`.
std::string grouped(std::uint64_t number);

/// Does the same for a measured value and drops the fraction.
std::string grouped(double number);

/// Formats a duration as `1.0 s`. A forged report may contain values that do not fit a duration; they are
/// clamped to about a century.
std::string milliseconds(double ms);

} // namespace chat::load
