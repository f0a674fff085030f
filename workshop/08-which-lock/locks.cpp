// Lesson 8, the program. What does it cost to add one to a number that nobody else wants? Best of five.
#include "server/sync/async_mutex.hpp"
#include "workshop/check.hpp"
#include "workshop/watchdog.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/strand.hpp>
#if WORKSHOP_HAS_ABSL
#include <absl/synchronization/mutex.h>
#endif

namespace asio = boost::asio;

constexpr int additions = 20'000;
volatile int number = 0; // volatile, so that no compiler adds 20,000 at once
std::atomic<int> atomic_number = 0;

asio::awaitable<void> await_the_lock(chat::async_mutex& mutex) {
    for (int i = 0; i < additions; ++i) {
        auto guard = co_await mutex.lock();
        number = number + 1;
    }
}

asio::awaitable<void> go_to_the_strand(asio::io_context& loop) {
    auto on_strand = asio::bind_executor(asio::make_strand(loop), asio::use_awaitable);
    for (int i = 0; i < additions; ++i) {
        co_await asio::post(on_strand);
        number = number + 1;
    }
}

/// Prints and returns the nanoseconds of one addition. `all` makes all of them.
template <class All>
double measure(const char* how, All all) {
    std::chrono::duration<double, std::nano> best{1e12};
    for (int round = 0; round < 5; ++round) {
        const auto start = std::chrono::steady_clock::now();
        all();
        best = std::min<decltype(best)>(best, std::chrono::steady_clock::now() - start);
    }
    std::printf("%8.1f ns  %s\n", best.count() / additions, how);
    return best.count();
}

int main() {
    const workshop::watchdog patience{
        "measuring"}; // a second thread: with one, mutexes are cheaper
    const auto plain = [](const char* how, auto take) {
        return measure(how, [&] {
            for (int i = 0; i < additions; ++i) {
                [[maybe_unused]] const auto guard = take();
                number = number + 1;
            }
        });
    };
    asio::io_context loop{1};
    const auto run = [&loop](asio::awaitable<void> task) {
        workshop::spawn(loop, std::move(task));
        loop.restart();
        loop.run();
    };
    std::mutex std_mutex;
    chat::async_mutex async_mutex{loop};
    plain("no lock", [] { return 0; });
    plain("std::atomic", [] { return ++atomic_number; });
    const double std_lock = plain("std::mutex", [&] { return std::lock_guard{std_mutex}; });
#if WORKSHOP_HAS_ABSL
    absl::Mutex absl_mutex;
    plain("absl::Mutex", [&] { return absl::MutexLock{&absl_mutex}; });
#endif
    plain("async mutex, try_lock()", [&] { return async_mutex.try_lock(); });
    const double lock = measure("co_await lock()", [&] { run(await_the_lock(async_mutex)); });
    const double strand = measure("a turn on a strand", [&] { run(go_to_the_strand(loop)); });
    const bool expected = lock / std_lock > 1.2 && strand / std_lock > 2;
    std::printf("lock()/std %.1f, strand/std %.1f: %s\n", lock / std_lock, strand / std_lock,
                expected ? "as expected" : "NOT as expected");
    return expected ? 0 : 1;
}
