// Turns return addresses into readable names with source lines. Reads the program's debug
// information, which takes 0.1 s the first time, and keeps it in memory (50 MB).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace chat {

/// Returns one line per call, innermost first, down to the loop's run(): `chat::room::fan_out
/// server/chat/room.cpp:72`. Combines consecutive calls in Asio and the standard library into one
/// line.
std::vector<std::string> name_stack(const std::vector<void*>& addresses);

/// Shortens a demangled signature to `chat::room::fan_out`: without return type, parameters and
/// template arguments.
std::string short_name(std::string_view demangled);

} // namespace chat
