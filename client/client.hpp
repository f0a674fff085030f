// One simulated chatter: joins, reads everything that is said, and books it in the ledger. What it
// says is decided elsewhere (load_run.cpp). Loop thread only.
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

/// What all clients of a run share. Outlives them.
struct run_context {
    asio::io_context& loop;
    poller& sockets;
    ledger& book;
    error_counts& errors;
    read_buffer& shared;
    std::string run;           ///< the run's id
    std::string mutex = {};    ///< of the server, from its welcome
    std::string guard = {};    ///< the same
    std::string software = {}; ///< from the server's answer to the first client's handshake
    std::map<close_reason, std::uint64_t> closed_by_server = {}; ///< clients
    std::uint64_t connections_ended = 0;                         ///< these, and those that broke
    std::uint32_t ping_round = 0;
    std::uint64_t pongs = 0; ///< answers to the pings of this round
};

class client {
public:
    client(run_context& shared, std::uint32_t index);

    /// Connects, shakes hands, and waits for the welcome.
    task<handshake_result> join(const server_address& server, std::string target,
                                nanoseconds limit);

    /// Joins over a connection that is there already, without handshake and welcome.
    void take_over(int socket);

    /// Says one message with the ledger's next number; `planned` is when it was due. It leaves with
    /// send_said(), together with what else was said.
    void say(time_point planned, std::size_t bytes);

    void send_said() { link_.flush(); }

    /// Messages of its own that have not come back, and may yet.
    std::uint32_t outstanding() const { return outstanding_; }

    void ping();
    void leave();
    void drop();

    /// Rings when its own message came back, or never will.
    bell& turn() { return turn_; }

    connection& link() { return link_; }

    bool is_here() const { return here_; }

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
    bool here_ = false;
    bool leaving_ = false;
    std::uint64_t last_seq_ = 0;       ///< newest message of the server that we have seen
    std::uint64_t seq_at_welcome_ = 0; ///< what is not newer is history
    std::uint64_t skipped_ = 0;        ///< numbers of the server that we never saw
    std::uint64_t late_ = 0;           ///< of them or others, those that came after a newer one
    std::uint64_t announced_ = 0;      ///< messages that the server told us we missed
    std::uint32_t outstanding_ = 0;
    std::uint32_t replies_ = 0; ///< acks and errors come in the order of what we said
};

} // namespace chat::load
