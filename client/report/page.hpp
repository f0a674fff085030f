// One or two reports as a web page that needs nothing else: numbers, and the timeline as a drawing.
#pragma once

#include "client/report/report.hpp"

#include <span>
#include <string>

namespace chat::load {

std::string page(std::span<const report> runs);

} // namespace chat::load
