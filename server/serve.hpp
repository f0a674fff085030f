// Assembles a server and runs it: the chat's loop on the calling thread, the watch on a second thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace chat {

struct server_options;

/// Runs a server. Returns the exit code after a clean shutdown. Throws an error that says what to do if the
/// server cannot start. `on_ready` gets the ready line when connections are accepted; it must not block.
int serve(const server_options& options, const std::function<void(std::string)>& on_ready);

/// Logs why the server ends, regardless of --log-level. Returns the exit code for a failure.
int complain(std::string_view reason);

} // namespace chat
