// Metrics in Prometheus' text format: the loop's counters and the watch thread's measurements. prometheus-cpp
// serialises them again for each request, at no cost to the loop. Watch thread only.
#pragma once

#include "server/admin/sources.hpp"
#include "server/numbers/counters.hpp"

#include <string>

namespace chat {

std::string metrics_text(const server_facts& server, const counters& numbers,
                         const admin_sources& sources);

} // namespace chat
