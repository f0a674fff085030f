// Puts a server together and runs it: the chat's loop on the calling thread, the watch on another.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace chat {

struct server_options;

/// Returns the exit code after a clean shutdown. Throws if the server cannot start, with a sentence that says
/// what to do. `on_ready` gets the ready line as soon as connections are accepted; it must not block.
int serve(const server_options& options, const std::function<void(std::string)>& on_ready);

/// Logs why the server ends, whatever --log-level says, and returns the exit code for that.
int complain(std::string_view reason);

} // namespace chat
