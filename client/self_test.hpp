// Measures how many deliveries chat-load itself can handle, so that its limit is not mistaken for a
// server's limit.
#pragma once

#include <string>

namespace chat::load {

/// Sends prepared frames to clients from a separate thread, checks that the ledger counts each frame, and
/// returns a table to print. Takes a few seconds. Throws if a message was lost.
std::string self_test();

} // namespace chat::load
