// Standard streams, terminals and signals, as both programs need them.
#pragma once

#include <cstddef>
#include <string_view>

namespace chat {

/// Writes the text to a descriptor that may be slow, shared, or set to non-blocking by another program. Returns
/// how many bytes were written; if not all were, errno says why. Blocks as long as nobody reads, so in the server
/// only threads that no other thread waits for may call it.
std::size_t write_all(int descriptor, std::string_view text);

/// True if this descriptor is a terminal that supports escape sequences and the user did not ask for plain
/// text: TERM is set and not `dumb`, and NO_COLOR (no-color.org) is unset or empty.
bool takes_escapes(int descriptor);

/// True if the signal is ignored. At the start of the program, that is what `nohup` does to SIGHUP.
bool is_ignored(int signal);

/// Blocks all signals, for a thread that only writes. Signals then do not interrupt a write. A background job can
/// write to its terminal even after `stty tostop`: unblocked, SIGTTOU would stop the whole process.
void block_signals_of_this_thread();

} // namespace chat
