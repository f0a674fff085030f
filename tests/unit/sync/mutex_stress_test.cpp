// The async mutex with real threads and random cancellation, meant for the sanitizers. The mutex
// guards plain integers: if two tasks ever held it at once, TSan and the sums would show it.
// CHAT_STRESS_OPERATIONS sets the number of operations (200,000; the nightly run uses 10,000,000).
#include "server/sync/async_mutex.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_future.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <cstdlib>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

using namespace chat;
using boost::system::error_code;

namespace {

using loop_strand = asio::strand<asio::io_context::executor_type>;
using mutex_type = basic_async_mutex<asio::io_context::executor_type>;

std::int64_t operations() {
    const char* wanted = std::getenv("CHAT_STRESS_OPERATIONS");
    return wanted ? std::atoll(wanted) : 200'000;
}

// A mutex and the data that it guards.
struct shared_data {
    explicit shared_data(asio::io_context& loop)
        : mutex{loop} {}

    mutex_type mutex;
    std::int64_t entries = 0;
    bool inside = false;

    void enter() {
        REQUIRE_FALSE(std::exchange(inside, true));
        ++entries;
    }

    void leave() { REQUIRE(std::exchange(inside, false)); }
};

// Locks the mutex many times, on a strand of its own. It waits, cancels, tries, and holds the lock
// across a turn of the loop.
class actor {
public:
    actor(asio::io_context& loop, shared_data& data, std::int64_t rounds, unsigned seed)
        : strand_{asio::make_strand(loop)}
        , data_{data}
        , left_{rounds}
        , random_{seed} {}

    void start() {
        asio::post(strand_, [this] { next(); });
    }

    std::int64_t entered = 0;
    std::int64_t aborted = 0;
    std::int64_t refused = 0;

private:
    void next() {
        if (left_-- == 0)
            return;
        const auto choice = random_() % 8;
        if (choice == 0) {
            if (auto guard = data_.mutex.try_lock()) {
                enter();
                data_.leave();
            } else {
                ++refused;
            }
            start();
            return;
        }
        data_.mutex.async_lock(asio::bind_executor(
            strand_, asio::bind_cancellation_slot(stop_.slot(),
                                                  [this](error_code ec, mutex_type::guard guard) {
                                                      ec ? give_up() : hold(std::move(guard));
                                                  })));
        if (choice <= 2) // on the waiter's strand, while another thread may unlock
            asio::post(strand_, [this] { stop_.emit(asio::cancellation_type::terminal); });
        else if (choice == 3)
            stop_.emit(asio::cancellation_type::total);
    }

    void give_up() {
        ++aborted;
        next();
    }

    void hold(mutex_type::guard guard) {
        enter();
        if (random_() % 2) {
            data_.leave();
            guard.unlock();
            next();
            return;
        }
        asio::post(strand_, [this, held = std::move(guard)]() mutable {
            data_.leave();
            held.unlock();
            next();
        });
    }

    void enter() {
        ++entered;
        data_.enter();
    }

    loop_strand strand_;
    shared_data& data_;
    std::int64_t left_;
    std::minstd_rand random_;
    asio::cancellation_signal stop_;
};

// Two threads in one context and a third in another, for hand-offs within and between contexts.
struct three_threads {
    asio::io_context shared{2};
    asio::io_context other{1};

    void run() {
        std::vector<std::thread> threads;
        threads.emplace_back([&] { shared.run(); });
        threads.emplace_back([&] { other.run(); });
        shared.run();
        for (auto& each : threads)
            each.join();
    }
};

} // namespace

TEST_CASE("threads that lock, try, hold and cancel at random never hold the lock at once, and all "
          "finish") {
    three_threads loops;
    shared_data data{loops.shared};
    constexpr int actors = 24;
    const auto rounds = operations() / actors + 1;
    std::deque<actor> all;
    for (unsigned i = 0; i != actors; ++i)
        all.emplace_back(i % 3 ? loops.shared : loops.other, data, rounds, i + 1).start();
    loops.run();
    std::int64_t entered = 0;
    std::int64_t aborted = 0;
    std::int64_t refused = 0;
    for (const auto& each : all) {
        entered += each.entered;
        aborted += each.aborted;
        refused += each.refused;
    }
    CHECK(entered + aborted + refused == rounds * actors);
    CHECK(data.entries == entered);
    CHECK(data.mutex.try_lock().owns_lock());
    MESSAGE(entered, " entered, ", aborted, " gave up, ", refused, " tries refused");
}

TEST_CASE("contexts destroyed with waiters and grants do not disturb other threads that lock") {
    asio::io_context loop{1};
    auto work = asio::make_work_guard(loop);
    mutex_type mutex{loop};
    std::thread other{[&] { loop.run(); }};
    for (std::int64_t round = 0; round < operations() / 40; ++round) {
        asio::io_context dying;
        auto held = round % 2 ? mutex.async_lock(asio::use_future).get() : mutex_type::guard{};
        for (int i = 0; i != 3; ++i) {
            mutex.async_lock(asio::bind_executor(dying, [](error_code, mutex_type::guard) {}));
            mutex.async_lock([](error_code, mutex_type::guard) {}); // on the other thread
        }
        held.unlock();
    }
    CHECK(mutex.async_lock(asio::use_future).get().owns_lock());
    work.reset();
    other.join();
}

TEST_CASE("a mutex may be destroyed while its waiters are cancelled and its guard is released "
          "elsewhere") {
    for (std::int64_t round = 0; round < operations() / 200; ++round) {
        asio::io_context loop;
        auto mutex = std::make_unique<mutex_type>(loop);
        asio::cancellation_signal stop;
        int completed = 0;
        auto held = mutex->try_lock();
        auto count = [&](error_code, mutex_type::guard) { ++completed; };
        mutex->async_lock(asio::bind_cancellation_slot(stop.slot(), count));
        mutex->async_lock(count);
        asio::post(loop, [&] { stop.emit(asio::cancellation_type::terminal); });
        std::thread unlocker{[guard = std::move(held)]() mutable { guard.unlock(); }};
        std::thread runner{[&] { loop.run(); }};
        mutex.reset();
        unlocker.join();
        runner.join();
        REQUIRE(completed == 2);
    }
}
