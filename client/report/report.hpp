// The outcome of a run as plain data, and its JSON form: what scripts, pages and comparisons read.
#pragma once

#include "client/errors.hpp"
#include "client/histogram.hpp"
#include "client/verdict.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace chat::load {

/// In microseconds; without meaning if nothing was counted.
struct latency_summary {
    std::uint64_t count = 0;
    double p50 = 0;
    double p90 = 0;
    double p99 = 0;
    double p999 = 0;
    double max = 0;
};

latency_summary summarise(const histogram& latencies);

struct timeline_point {
    double t_ms = 0;             ///< end of the interval, from the first message on
    std::uint64_t sent = 0;      ///< in the interval
    std::uint64_t delivered = 0; ///< in the interval
    std::uint64_t in_flight = 0; ///< at its end
};

/// The freeze, or the longest time of starving.
struct silence_report {
    double at_ms = 0;                    ///< its begin, from the first message on
    double silent_ms = 0;                ///< how long nobody received anything
    std::uint64_t after_messages = 0;    ///< the message at which delivery stopped: 1 is the first
    std::uint64_t clients = 0;           ///< connected, and pinged
    std::uint64_t timed_out_clients = 0; ///< of them, those who did not answer the ping either
    std::string handshake;               ///< of newcomer: what became of one more client
    bool ended = false;                  ///< messages came again later
};

/// Clients whose connections the server closed in the same way.
struct closed_clients {
    std::uint64_t clients = 0;
    std::uint16_t code = 0; ///< 1005: the close frame had none
    std::string reason;
};

struct report {
    std::string name;    ///< of the file that it was read from, to tell it from another
    verdict outcome = verdict::alive;
    verdict expected_outcome = verdict::alive;
    int exit_code = 0;
    bool interrupted = false;
    std::optional<silence_report> froze;
    std::optional<silence_report> starved;

    std::string url;
    std::uint32_t clients = 0;
    std::uint32_t senders = 0;
    std::uint32_t slow_readers = 0;
    std::uint32_t window = 1;
    double rate = 0;
    double duration_ms = 0;
    double warmup_ms = 0;
    double timeout_ms = 0;
    std::uint32_t message_bytes = 0;

    std::string mutex;
    std::string guard;

    std::uint64_t sent = 0;
    std::uint64_t unsent = 0; ///< planned, but the connection took no more
    std::uint64_t expected = 0;
    std::uint64_t delivered = 0;
    std::uint64_t lost = 0;        ///< certainly do not come any more
    std::uint64_t not_awaited = 0; ///< had not come when the waiting ended
    std::uint64_t duplicated = 0;
    std::uint64_t reordered = 0;
    std::uint64_t slow_readers_closed = 0; ///< by the server, as it should
    std::vector<closed_clients> closed_by_server;
    std::uint64_t connections_ended = 0;    ///< clients: these, and those whose connection broke
    std::optional<double> deliveries_per_s; ///< nothing if no time was measured
    double measured_ms = 0;                 ///< the time that deliveries_per_s is about
    latency_summary latency_us;
    latency_summary latency_from_send_us;
    std::vector<timeline_point> timeline;
    error_counts errors;
    std::vector<std::string> missed_limits; ///< for people: `p99 was 31.0 ms, allowed are 20.0 ms`
};

std::string to_json(const report& run);

/// Throws std::runtime_error when it is no report.
report report_from_json(std::string_view text);

} // namespace chat::load
