// A place where one coroutine of the loop sleeps until another part of the loop wakes it: for news
// to deliver, for room in a lane, for a socket that takes bytes again. It remembers one call for
// whoever comes next. Loop thread only.
#pragma once

#include "server/sync/loop_executor.hpp"
#include "server/sync/parked_handler.hpp"

#include <boost/asio/deferred.hpp>

#include <cassert>
#include <utility>

namespace chat {

class wake_up {
public:
    explicit wake_up(loop_executor loop)
        : loop_{loop} {}

    /// Sleeps until notify() or resume(); one turn of the loop when notify() came first. One sleeper
    /// at a time. An operation to await at once: as a coroutine it would cost each sleep a frame.
    [[nodiscard]] auto wait() {
        return asio::async_initiate<const asio::deferred_t&, void()>(park{}, asio::deferred, this);
    }

    /// Wakes the sleeper in a turn of its own: it runs after all that was posted before.
    void notify() {
        if (sleeper_)
            std::move(sleeper_).post(loop_);
        else
            notified_ = true;
    }

    /// Runs the sleeper inside this call, to wake many in one turn. The caller is a handler of its
    /// own and holds nothing that the sleeper could touch.
    void resume() {
        if (sleeper_)
            std::move(sleeper_)();
        else
            notified_ = true;
    }

    /// Brings to the cache what resume() will touch first.
    void prefetch() const { sleeper_.prefetch(); }

private:
    struct park {
        void operator()(auto handler, wake_up* self) const {
            assert(!self->sleeper_); // the first would never wake
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
