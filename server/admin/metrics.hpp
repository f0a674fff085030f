// Writes in Prometheus' text format what the loop counted and the watch thread measured. prometheus-cpp serialises
// it again for each request. Watch thread only; the loop does none of it.
#pragma once

#include "server/admin/sources.hpp"
#include "server/numbers/counters.hpp"

#include <string>

namespace chat {

std::string metrics_text(const server_facts& server, const counters& numbers,
                         const admin_sources& sources);

} // namespace chat
