// Lets one coroutine wait until another one rings the bell, or until a time limit. Internally a timer:
// ring() cancels it. Loop thread only.
#pragma once

#include "client/time.hpp"
#include "server/loop/loop_executor.hpp"

#include <boost/asio/as_tuple.hpp>

namespace chat::load {

class bell {
public:
    explicit bell(asio::io_context& loop)
        : timer_{loop.get_executor()} {}

    void ring() {
        rung_ = true;
        timer_.cancel();
    }

    /// Returns true if the bell rang, during this wait or since the previous one; false at the time limit.
    task<bool> wait_until(time_point limit) {
        while (!rung_) {
            timer_.expires_at(limit);
            const auto [error] = co_await timer_.async_wait(asio::as_tuple(use_task));
            if (!error)
                break;
        }
        co_return std::exchange(rung_, false);
    }

    task<bool> wait() { return wait_until(time_point::max()); }

private:
    loop_timer timer_;
    bool rung_ = false;
};

} // namespace chat::load
