// Source files as one opens them from the project's top folder: `server/chat/room.cpp:62`.
#pragma once

#include <source_location>
#include <string>
#include <string_view>

namespace chat {

/// The path as a compiler wrote it, relative to the project's top if it is of the project.
std::string source_path(std::string_view file);

std::string source_line(const std::source_location& where);

} // namespace chat
