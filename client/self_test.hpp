// How much chat-load itself can take, so that nobody mistakes its limit for a server's.
#pragma once

#include <string>

namespace chat::load {

/// Feeds clients with prepared frames from a thread that does nothing else, checks that each is
/// booked, and returns a table for people. Takes a few seconds. Throws when a message was lost.
std::string self_test();

} // namespace chat::load
