// Answers the admin plane's requests, without HTTP: takes a path, returns status and body. Watch thread only.
#pragma once

#include "server/admin/sources.hpp"
#include "server/numbers/counters.hpp"

#include <chrono>
#include <deque>
#include <span>
#include <string>
#include <string_view>

namespace chat {

/// A file of server/web/, embedded when the program was built.
struct web_file {
    std::string_view path; ///< as in a URL, such as `/page.js`
    std::string_view type;
    std::string_view content;
};

std::span<const web_file> web_files();

struct admin_answer {
    unsigned status = 200;
    std::string_view type = "application/json";
    std::string body;
};

class admin_answers {
public:
    using clock = std::chrono::steady_clock;

    static constexpr std::string_view events_path = "/api/events";

    admin_answers(server_facts server, const counters& numbers, admin_sources sources);

    /// Answers a GET of this path, except events_path.
    [[nodiscard]] admin_answer to(std::string_view path) const;

    /// Returns the body of /api/state and of every event.
    [[nodiscard]] std::string state() const;

    /// Takes a sample for the numbers of the last second in state(). Call it several times a second.
    void sample();

private:
    struct past {
        clock::time_point at;
        histogram lag;
    };

    [[nodiscard]] admin_answer healthz() const;

    server_facts server_;
    const counters& numbers_;
    admin_sources sources_;
    clock::time_point started_ = clock::now();
    std::deque<past> past_;
};

/// Returns an answer that says what went wrong: `{"error":"…"}`.
admin_answer admin_error(unsigned status, std::string_view why);

/// True if a request for this host, normalised by parse_address(), may be answered. Another site can make its own
/// name resolve to this machine (DNS rebinding). Its page could then read our answers, because the browser thinks
/// that they come from that site. `localhost` and IP addresses are safe. `names` lists further trusted names, in
/// lower case.
bool is_trusted_host(const std::string& host, std::span<const std::string> names);

} // namespace chat
