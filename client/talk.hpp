// The senders, and when they send. Closed loop: a sender sends again when its own message, or one of its
// last `window` messages, has come back. Open loop: each message has a planned time, whatever the server
// does. Loop thread only.
#pragma once

#include "client/client.hpp"
#include "client/options.hpp"
#include "client/schedule.hpp"

#include <cstdint>
#include <deque>

namespace chat::load {

class talk {
public:
    talk(run_context& run, std::deque<client>& clients, const load_options& options);

    /// Sends from `start` until `stop`, or until fall_silent() is called.
    void begin(time_point start, time_point stop);
    void fall_silent();

    /// Returns how many messages were due but not sent, because the connection was full. Their waiting
    /// time counts in the latencies.
    std::uint64_t unsent() const { return unsent_; }

private:
    task<> run_closed_loop(std::uint32_t sender);
    task<> run_open_loop(std::uint32_t sender);

    void book_unsent(std::uint32_t sender, const schedule& plan, std::uint64_t next);

    bool may_speak(const client& speaker) const {
        return !silent_ && speaker.is_connected() && clock::now() < stop_;
    }

    run_context& run_;
    std::deque<client>& clients_;
    const load_options& options_;
    time_point start_{};
    time_point stop_{};
    bool silent_ = false;
    std::uint64_t unsent_ = 0;
};

} // namespace chat::load
