// What a check wants to know of an answer's lock: an observer for the async mutex that counts.
#pragma once

#include "server/sync/async_mutex.hpp"

#include <boost/asio/any_io_executor.hpp>

namespace workshop {

struct lock_facts {
    bool locked = false;
    int waited = 0; // how many found the lock taken
};

struct lock_observer {
    using site = chat::unobserved::site;
    lock_facts* noted = nullptr;

    void waiting(const void* /*waiter*/, const site&) noexcept { ++noted->waited; }

    void acquired(const void* /*waiter*/, const site&) noexcept { noted->locked = true; }

    void abandoned(const void* /*waiter*/, const site&) noexcept {}

    void released() noexcept { noted->locked = false; }
};

/// An async mutex as any other, except that it counts. Its constructor takes lock_observer{&facts}.
using counted_async_mutex =
    chat::basic_async_mutex<boost::asio::any_io_executor, chat::concurrent, lock_observer>;

} // namespace workshop
