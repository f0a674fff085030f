// Shows two reports side by side on the terminal.
#pragma once

#include "client/report/report.hpp"

#include <string>

namespace chat::load {

/// Reads a file written with --json. Throws std::runtime_error with the file's name on failure.
report read_report_file(const std::string& path);

std::string compare(const report& left, const report& right, bool colours);

} // namespace chat::load
