// One simulated client: joins, reads every message, and records it in the ledger. talk.cpp decides what
// the client sends. Loop thread only.
#pragma once

#include "client/bell.hpp"
#include "client/connection/connection.hpp"
#include "client/errors.hpp"
#include "client/incoming.hpp"
#include "client/ledger.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace chat::load {

/// State that all clients of a run share. Outlives the clients.
struct run_context {
    asio::io_context& loop;
    poller& sockets;
    ledger& book;
    error_counts& errors;
    read_buffer& shared;
    std::string run;           ///< run id
    std::string mutex = {};    ///< the server's mutex, from its welcome
    std::string guard = {};    ///< the server's guard, from its welcome
    std::string software = {}; ///< the Server header that the first client received
    std::map<close_reason, std::uint64_t> closed_by_server = {}; ///< number of clients by reason
    std::uint64_t connections_ended = 0;                         ///< closed by the server or broken
    std::uint32_t ping_round = 0;
    std::uint64_t pongs = 0; ///< replies to the pings of this round
};

class client {
public:
    client(run_context& shared, std::uint32_t index);

    /// Connects, completes the handshake, and waits for the welcome.
    task<handshake_result> join(const server_address& server, std::string target,
                                nanoseconds limit);

    /// Joins over an existing connection, without a handshake or a welcome.
    void take_over(int socket);

    /// Queues one message with the ledger's next number; `planned` is when the message was due.
    /// send_said() sends all queued messages together.
    void say(time_point planned, std::size_t bytes);

    void send_said() { link_.flush(); }

    /// Returns how many of this client's messages may still come back.
    std::uint32_t outstanding() const { return outstanding_; }

    void ping();
    void leave();
    void drop();

    /// Rings when a message of this client has come back, or never will.
    bell& turn() { return turn_; }

    connection& link() { return link_; }

    bool is_connected() const { return connected_; }

private:
    task<> listen();
    void take(const frame& received, time_point now);
    void take(const welcomed& welcome);
    void take(const said& message, time_point now);
    void take(const missed& gap);
    void take(const refused& refusal, time_point now);
    void one_is_settled();
    void follow_sequence(std::uint64_t seq);
    void book_missed();
    void note_end();

    run_context& run_;
    std::uint32_t index_;
    connection link_;
    bell welcomed_;
    bell turn_;
    bool connected_ = false;
    bool leaving_ = false;
    std::uint64_t last_seq_ = 0;       ///< sequence number of the newest message received
    std::uint64_t seq_at_welcome_ = 0; ///< messages up to this number are history
    std::uint64_t skipped_ = 0;        ///< sequence numbers that were skipped
    std::uint64_t late_ = 0;           ///< sequence numbers that arrived after a newer one
    std::uint64_t announced_ = 0;      ///< messages that the server announced as missed
    std::uint32_t outstanding_ = 0;
    std::uint32_t replies_ = 0; ///< acks and errors, which arrive in the order of our messages
};

} // namespace chat::load
