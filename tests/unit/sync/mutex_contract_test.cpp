// The contract that both mutexes share, and the additions of the async mutex.
#include "server/loop/loop_executor.hpp"
#include "server/sync/async_mutex.hpp"
#include "server/sync/blocking_mutex.hpp"
#include "server/sync/guarded.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>

#include <doctest/doctest.h>

#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

using namespace chat;
using boost::system::error_code;
using boost::system::system_error;

namespace {

using async_loop_mutex = basic_async_mutex<loop_executor>;
using blocking_loop_mutex = basic_blocking_mutex<loop_executor>;
using local_loop_mutex = basic_async_mutex<loop_executor, unsynchronized>;

// Runs a coroutine to its end. Rethrows its exception in the body of the test.
void run(asio::io_context& loop, task<> body) {
    std::exception_ptr failure;
    asio::co_spawn(loop, std::move(body), [&](std::exception_ptr error) { failure = error; });
    loop.run();
    loop.restart();
    if (failure)
        std::rethrow_exception(failure);
}

template <class Mutex>
task<> lock_once(Mutex& mutex) {
    auto guard = co_await mutex.lock();
    REQUIRE(guard.owns_lock());
    REQUIRE_FALSE(mutex.try_lock());
}

template <class Mutex>
task<> lock_and_throw(Mutex& mutex) {
    auto guard = co_await mutex.lock();
    throw std::runtime_error{"inside the lock"};
}

template <class Mutex>
task<> append(Mutex& mutex, std::vector<int>& order, int id) {
    auto guard = co_await mutex.lock();
    order.push_back(id);
    co_await asio::post(use_task);
}

template <class Mutex>
task<> grow(guarded<std::string, Mutex>& text) {
    auto held = co_await text.lock();
    held->append(" frame");
}

} // namespace

TEST_CASE_TEMPLATE("a guard holds the lock until its scope ends", Mutex, async_loop_mutex,
                   local_loop_mutex, blocking_loop_mutex) {
    asio::io_context loop;
    Mutex mutex{loop.get_executor()};
    run(loop, lock_once(mutex));
    CHECK(mutex.try_lock().owns_lock());
}

TEST_CASE_TEMPLATE("a throw inside the scope releases the lock", Mutex, async_loop_mutex,
                   local_loop_mutex, blocking_loop_mutex) {
    asio::io_context loop;
    Mutex mutex{loop};
    CHECK_THROWS_AS(run(loop, lock_and_throw(mutex)), std::runtime_error);
    CHECK(mutex.try_lock().owns_lock());
}

TEST_CASE_TEMPLATE("moving onto a guard releases the lock that it held", Mutex, async_loop_mutex,
                   local_loop_mutex, blocking_loop_mutex) {
    asio::io_context loop;
    Mutex first{loop};
    Mutex second{loop};
    auto held = first.try_lock();
    held = second.try_lock();
    CHECK(first.try_lock().owns_lock());
    CHECK_FALSE(second.try_lock().owns_lock());
    held.unlock();
    CHECK_FALSE(held.owns_lock());
    CHECK(second.try_lock().owns_lock());
}

TEST_CASE_TEMPLATE("the value of a guarded is reached through its guard", Mutex, async_loop_mutex,
                   local_loop_mutex, blocking_loop_mutex) {
    asio::io_context loop;
    guarded<std::string, Mutex> text{loop.get_executor(), "first"};
    run(loop, grow(text));
    auto held = text.try_lock();
    REQUIRE(held.owns_lock());
    CHECK(*held == "first frame");
    CHECK_FALSE(text.try_lock().owns_lock());
}

namespace {

template <class Mutex>
task<> grow_with(guarded<std::string, Mutex>& text, std::size_t& length) {
    auto append = [](std::string& value) {
        value += " more";
        return value.size();
    };
    length = co_await text.with(append);
    co_await text.with([](std::string& value) { value += "."; });
}

} // namespace

TEST_CASE_TEMPLATE("with runs a function on the value and releases the lock", Mutex,
                   async_loop_mutex, local_loop_mutex, blocking_loop_mutex) {
    asio::io_context loop;
    guarded<std::string, Mutex> text{loop, "text"};
    std::size_t length = 0;
    run(loop, grow_with(text, length));
    CHECK(length == 9);
    CHECK(*text.try_lock() == "text more.");
}

TEST_CASE_TEMPLATE("waiters enter in the order they arrived", Mutex, async_loop_mutex,
                   local_loop_mutex) {
    asio::io_context loop;
    Mutex mutex{loop};
    std::vector<int> order;
    for (int id = 0; id != 4; ++id)
        asio::co_spawn(loop, append(mutex, order, id), [](std::exception_ptr) {});
    loop.run();
    CHECK(order == std::vector{0, 1, 2, 3});
}

TEST_CASE_TEMPLATE("a cancelled waiter leaves the queue and no grant is lost", Mutex,
                   async_loop_mutex, local_loop_mutex) {
    asio::io_context loop;
    Mutex mutex{loop};
    asio::cancellation_signal stop;
    std::vector<std::string> seen;
    auto held = mutex.try_lock();
    mutex.async_lock(
        asio::bind_cancellation_slot(stop.slot(), [&](error_code ec, typename Mutex::guard guard) {
            CHECK(ec == asio::error::operation_aborted);
            CHECK_FALSE(guard.owns_lock());
            seen.push_back("cancelled");
        }));
    mutex.async_lock([&](error_code ec, typename Mutex::guard guard) {
        CHECK_FALSE(ec);
        CHECK(guard.owns_lock());
        seen.push_back("granted");
    });
    stop.emit(asio::cancellation_type::partial);
    held.unlock();
    CHECK(seen.empty());
    loop.run();
    CHECK(seen == std::vector<std::string>{"cancelled", "granted"});
    CHECK(mutex.try_lock().owns_lock());
}
