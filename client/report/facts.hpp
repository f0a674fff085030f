// The numbers of a report, ready to be shown: the rows of the comparison and of the page.
#pragma once

#include "client/report/report.hpp"

#include <string>
#include <vector>

namespace chat::load {

struct fact {
    std::string label;
    std::string value; ///< `-` when there is none
};

/// Always the same labels in the same order. Values may hold foreign text as it is.
std::vector<fact> facts(const report& run);

/// The verdict, but `interrupted` for a run that was ended while all seemed well.
/// True if Ctrl-C ended a run in which nothing was wrong so far.
bool was_interrupted(const report& run);

std::string outcome_in_words(const report& run);

/// 1234567 as `1,234,567`.
std::string grouped(std::uint64_t number);

/// The same for a measured value, without its fraction.
std::string grouped(double number);

/// `1.0 s`; values that no duration can hold, which a foreign report may have, end at a century.
std::string milliseconds(double ms);

} // namespace chat::load
