// Writes to a descriptor that may be slow, shared, or set to non-blocking by another program. Blocks as long as
// nobody reads, so only threads that no other thread waits for may call it.
#pragma once

#include <cstddef>
#include <string_view>

namespace chat {

/// Writes the text. Returns how many bytes were written; if not all were, errno says why.
std::size_t write_all(int descriptor, std::string_view text);

/// Blocks all signals, for a thread that only writes. Signals then do not interrupt a write. A background job can
/// write to its terminal even after `stty tostop`: unblocked, SIGTTOU would stop the whole process.
void block_signals_of_this_thread();

} // namespace chat
