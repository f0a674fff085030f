// The numbers in Prometheus' text format: what the loop counted, and what the watch thread
// measured. Made anew for each request, by prometheus-cpp's serialiser; nothing of it is on the
// loop's way. Watch thread.
#pragma once

#include "server/admin/sources.hpp"
#include "server/numbers/counters.hpp"

#include <string>

namespace chat {

std::string metrics_text(const server_facts& server, const counters& numbers,
                         const admin_sources& sources);

} // namespace chat
