// All connections of a run: the clients, and the slow readers, which join and never read. Lets at most a
// hundred join at a time, and ends all connections at the end of the run. Loop thread only.
#pragma once

#include "client/bell.hpp"
#include "client/client.hpp"
#include "client/options.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>

namespace chat::load {

/// Called with `done, total`.
using progress_line = std::function<void(std::uint32_t, std::uint32_t)>;

class crowd {
public:
    /// join() reduces `server` to the one address that accepted the first client.
    crowd(run_context& run, const load_options& options, server_address& server);

    /// Returns nothing when all clients have joined, or else one line that says why not and what to do.
    task<std::optional<std::string>> join(const progress_line& progress);

    /// Sends a close frame on every connection and waits briefly for the server's close frames.
    task<> leave();

    /// Ends all connections at once.
    void drop();

    /// Aborts a running join().
    void give_up();

    std::deque<client>& clients() { return clients_; }

    std::uint32_t slow_readers_closed() const { return slow_readers_closed_; }

private:
    task<> all_done();
    void one_done();
    task<> join_in_turn(const progress_line& progress);
    task<> join_slow_reader(connection& slow, std::uint32_t number);
    task<> leave_slow_reader(connection& slow);
    void fail(const handshake_result& result, const std::string& who);
    std::string advise(const handshake_result& result) const;

    run_context& run_;
    const load_options& options_;
    server_address& server_;
    std::deque<client> clients_;
    std::deque<connection> slow_readers_;
    std::uint32_t slow_readers_closed_ = 0;
    std::uint32_t next_ = 0;         ///< index of the next client to join
    std::uint32_t last_to_join_ = 0; ///< end of the clients of this step
    std::uint32_t joined_ = 0;
    std::uint32_t busy_ = 0; ///< coroutines that the current step waits for
    bell step_done_;
    std::optional<std::string> failure_;
};

} // namespace chat::load
