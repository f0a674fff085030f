// Return addresses into names that a human can read, with the source lines. Reads the program's
// debug information, so it is slow the first time (0.1 s), and keeps it (50 MB).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace chat {

/// One line a call, innermost first, down to the loop's run(): `chat::room::fan_out
/// server/chat/room.cpp:72`. Calls within Asio and the standard library are put together.
std::vector<std::string> name_stack(const std::vector<void*>& addresses);

/// `chat::room::fan_out` of what a demangler writes: without return type, arguments and those of
/// templates.
std::string short_name(std::string_view demangled);

} // namespace chat
