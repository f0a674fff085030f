// Lets one coroutine sleep until another part of the loop wakes it: because there is news to
// deliver, space in a lane, or a socket that is writable again. A call without a sleeper is
// remembered, at most once, for the next sleeper. Loop thread only.
#pragma once

#include "server/loop/loop_executor.hpp"
#include "server/loop/parked_handler.hpp"

#include <boost/asio/deferred.hpp>

#include <cassert>
#include <utility>

namespace chat {

class wake_up {
public:
    explicit wake_up(loop_executor loop)
        : loop_{loop} {}

    /// Sleeps until notify() or resume() is called, or for one turn of the loop if such a call is
    /// already remembered. Only one sleeper at a time. Returns a deferred operation, because a coroutine
    /// would cost a frame for each sleep.
    [[nodiscard]] auto wait() {
        return asio::async_initiate<const asio::deferred_t&, void()>(park{}, asio::deferred, this);
    }

    /// Posts the sleeper, so that it runs after everything that was posted before.
    void notify() {
        if (sleeper_)
            std::move(sleeper_).post(loop_);
        else
            notified_ = true;
    }

    /// Runs the sleeper inside this call, so that one turn can wake many sleepers. The caller must
    /// run in a handler of its own, and must not hold anything that the sleeper may touch.
    void resume() {
        if (sleeper_)
            std::move(sleeper_)();
        else
            notified_ = true;
    }

    /// Prefetches the memory that resume() touches first.
    void prefetch() const { sleeper_.prefetch(); }

private:
    struct park {
        void operator()(auto handler, wake_up* self) const {
            assert(!self->sleeper_); // the first sleeper would never wake
            self->sleeper_ = std::move(handler);
            if (std::exchange(self->notified_, false))
                self->notify();
        }
    };

    loop_executor loop_;
    parked_handler<> sleeper_;
    bool notified_ = false;
};

} // namespace chat
