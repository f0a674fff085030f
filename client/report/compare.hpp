// Two reports side by side on the terminal.
#pragma once

#include "client/report/report.hpp"

#include <string>

namespace chat::load {

/// Reads a file of --json. Throws std::runtime_error that names the file.
report read_report_file(const std::string& path);

std::string compare(const report& left, const report& right, bool colours);

} // namespace chat::load
