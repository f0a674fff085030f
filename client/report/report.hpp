// The results of a run as plain data and as JSON, for scripts, pages and comparisons.
#pragma once

#include "client/errors.hpp"
#include "client/histogram.hpp"
#include "client/verdict.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace chat::load {

/// Latencies in microseconds. The values are meaningless if `count` is 0.
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
    double t_ms = 0;             ///< end of the interval, counted from the first message
    std::uint64_t sent = 0;      ///< during the interval
    std::uint64_t delivered = 0; ///< during the interval
    std::uint64_t in_flight = 0; ///< at the end of the interval
};

/// The freeze, or the longest period of starvation.
struct silence_report {
    double at_ms = 0;                    ///< when the silence began, counted from the first message
    double silent_ms = 0;                ///< how long no client received anything
    std::uint64_t after_messages = 0;    ///< the message at which delivery stopped: 1 is the first
    std::uint64_t clients = 0;           ///< connected, and pinged
    std::uint64_t timed_out_clients = 0; ///< pinged clients that got no pong
    std::string handshake;               ///< a newcomer value: what happened to one more client
    bool ended = false;                  ///< messages arrived again later
};

/// Clients whose connections the server closed in the same way.
struct closed_clients {
    std::uint64_t clients = 0;
    std::uint16_t code = 0; ///< 1005: the close frame had no code
    std::string reason;
};

struct report {
    std::string name; ///< name of the file it was read from; empty for a new run
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
    std::uint64_t unsent = 0; ///< planned, but not sent because the connection was full
    std::uint64_t expected = 0;
    std::uint64_t delivered = 0;
    std::uint64_t lost = 0;        ///< deliveries that will certainly not happen
    std::uint64_t not_awaited = 0; ///< deliveries still pending when the run stopped waiting
    std::uint64_t duplicated = 0;
    std::uint64_t reordered = 0;
    std::uint64_t slow_readers_closed = 0; ///< closed by the server, which is correct
    std::vector<closed_clients> closed_by_server;
    std::uint64_t connections_ended = 0;    ///< clients closed by the server or cut off
    std::optional<double> deliveries_per_s; ///< empty if no time was measured
    double measured_ms = 0;                 ///< the period that deliveries_per_s covers
    latency_summary latency_us;
    latency_summary latency_from_send_us;
    std::vector<timeline_point> timeline;
    error_counts errors;
    std::vector<std::string> missed_limits; ///< in words: `p99 was 31.0 ms, limit 20.0 ms`
};

std::string to_json(const report& run);

/// Parses a report. Throws std::runtime_error if the text is not a report.
report report_from_json(std::string_view text);

} // namespace chat::load
