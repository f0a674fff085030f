// Names source files by their path from the project's top folder: `server/chat/room.cpp:62`.
#pragma once

#include <source_location>
#include <string>
#include <string_view>

namespace chat {

/// Makes a path that a compiler recorded relative to the project's top folder, if it is in the
/// project.
std::string source_path(std::string_view file);

std::string source_line(const std::source_location& where);

} // namespace chat
