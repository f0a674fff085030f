// What you write in exercise.cpp. check.cpp runs it.
#pragma once

#include "workshop/02-the-scheduler/worker.hpp"

#include <string>

namespace scheduler {

using std_worker = worker<std_mutex>;

/// An order of two tasks that ends well although the guard is kept across the co_await.
std::string an_order_that_lives();

/// An order of two tasks that freezes.
std::string an_order_that_freezes();

/// A task that writes its message under the lock and waits for the acknowledgement.
asio::awaitable<void> post(std_worker& me);

} // namespace scheduler
