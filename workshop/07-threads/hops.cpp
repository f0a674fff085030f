// Lesson 7, the program. A task takes a lock on one thread and releases it on another. Three kinds of
// mutex, three answers. With the argument "std" it does that to a std::mutex, for ThreadSanitizer.
#include "server/sync/async_mutex.hpp"
#include "workshop/07-threads/owned_mutex.hpp"

#include <boost/asio/co_spawn.hpp>

#include <cstdio>
#include <string_view>

namespace asio = boost::asio;

/// Suspends until another thread resumes the task. Two threads run the loop, so that soon happens.
asio::awaitable<void> hop() {
    const auto here = std::this_thread::get_id();
    while (std::this_thread::get_id() == here)
        co_await asio::post(asio::use_awaitable);
}

template <class Mutex>
asio::awaitable<void> hold_across_a_hop(Mutex& mutex) {
    std::unique_lock guard{mutex};
    co_await hop();
} // unlocked here, on another thread

asio::awaitable<void> hold_across_a_hop(chat::async_mutex& mutex) {
    auto guard = co_await mutex.lock();
    co_await hop();
} // handed over here, on another thread, and it does not matter

/// Runs the task on two threads to its end.
template <class Mutex>
void run(Mutex& mutex) {
    asio::io_context loop{2};
    asio::co_spawn(loop, hold_across_a_hop(mutex), [](std::exception_ptr failed) {
        if (failed)
            std::rethrow_exception(failed);
    });
    std::thread other{[&loop] { loop.run(); }};
    loop.run();
    other.join();
}

const char* state(bool is_free) {
    return is_free ? "free" : "still locked, permanently";
}

int main(int, char** arguments) {
    if (arguments[1] && std::string_view{arguments[1]} == "std") {
        std::mutex mutex;
        run(mutex);
        return 0;
    }
    workshop::owned_mutex plain{PTHREAD_MUTEX_NORMAL};
    run(plain);
    std::printf("plain mutex           unlock: %-22s then: %s\n", "no complaint",
                state(plain.try_lock()));
    workshop::owned_mutex checking;
    run(checking);
    std::printf("error-checking mutex  unlock: %-22s then: %s\n",
                checking.unlock_error() == EPERM ? "EPERM, wrong thread" : "no complaint",
                state(checking.try_lock()));
    asio::io_context loop;
    chat::async_mutex async{loop};
    run(async);
    std::printf("async mutex           unlock: %-22s then: %s\n", "allowed on any thread",
                state(async.try_lock().owns_lock()));
}
