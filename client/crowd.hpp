// Everybody who connects to the server: the clients, and the slow readers who join and never read.
// Gets all of them in, at most a hundred at a time, and out again. Loop thread only.
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
    /// Leaves in `server` the one address that took the first client.
    crowd(run_context& run, const load_options& options, server_address& server);

    /// Returns when all have joined, or why not, in one line that says what to do.
    task<std::optional<std::string>> join(const progress_line& progress);

    /// Says goodbye to the server and waits a moment for its answers.
    task<> leave();

    /// Ends all connections at once.
    void drop();

    /// Ends a join() that is under way.
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
    std::uint32_t next_ = 0;         ///< client to join
    std::uint32_t last_to_join_ = 0; ///< in this step
    std::uint32_t joined_ = 0;
    std::uint32_t busy_ = 0; ///< coroutines that the current step waits for
    bell step_done_;
    std::optional<std::string> failure_;
};

} // namespace chat::load
