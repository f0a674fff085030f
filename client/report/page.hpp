// Renders one or two reports as a self-contained web page: the numbers, and the timeline as a chart.
#pragma once

#include "client/report/report.hpp"

#include <span>
#include <string>

namespace chat::load {

std::string page(std::span<const report> runs);

} // namespace chat::load
