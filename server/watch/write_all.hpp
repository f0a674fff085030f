// Writes to a descriptor that may be slow, shared, or set to non-blocking by another program. Blocks as long as the
// reader makes it, so only threads that nothing waits for may call it.
#pragma once

#include <cstddef>
#include <string_view>

namespace chat {

/// Returns how many bytes were written. If that is not all of them, errno says why.
std::size_t write_all(int descriptor, std::string_view text);

/// For a thread that only writes. No signal interrupts it, and a background job may write to its terminal even
/// after `stty tostop`. Otherwise SIGTTOU would stop the whole process.
void block_signals_of_this_thread();

} // namespace chat
