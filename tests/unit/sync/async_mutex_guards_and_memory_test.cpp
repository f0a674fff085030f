// The async mutex: guards, observers, and the memory of a waiter.
#include "tests/unit/sync/async_mutex_testing.hpp"

#include <boost/asio/bind_executor.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using namespace chat;
using asio::cancellation_type;

TEST_CASE_TEMPLATE("a released lock stays taken until it is adopted", Mutex, BOTH_MUTEXES) {
    asio::io_context loop;
    Mutex mutex{loop};
    {
        auto held = mutex.try_lock();
        held.release();
        CHECK_FALSE(held.owns_lock());
    }
    CHECK_FALSE(mutex.try_lock().owns_lock());
    {
        typename Mutex::guard adopted{mutex, std::adopt_lock};
        CHECK(adopted.owns_lock());
    }
    CHECK(mutex.try_lock().owns_lock());
}

namespace {

struct journal {
    using site = std::source_location;
    std::vector<std::string>* lines;

    void waiting(const void* who, const site& where) const { add(who ? "waits" : "?", where); }

    void acquired(const void* who, const site& where) const { add(who ? "gets" : "takes", where); }

    void abandoned(const void* who, const site& where) const { add(who ? "leaves" : "?", where); }

    void released() const { lines->push_back("released"); }

    void add(const char* what, const site& where) const {
        lines->push_back(what + std::string{" "} + std::to_string(where.line()));
    }
};

} // namespace

TEST_CASE("an observer learns who holds the lock, who waits and who left, and from which line") {
    asio::io_context loop;
    std::vector<std::string> seen;
    basic_async_mutex<loop_executor, concurrent, journal> mutex{loop, journal{&seen}};
    using mutex_type = decltype(mutex);
    outcome<mutex_type> first;
    outcome<mutex_type> second;
    asio::cancellation_signal stop;
    const int line = __LINE__;
    auto held = mutex.try_lock();
    lock_cancellably(mutex, stop, first);
    mutex.async_lock(second.handler());
    stop.emit(cancellation_type::terminal);
    held.unlock();
    poll(loop);
    second.guard.unlock();
    const auto helper = seen.at(1).substr(6); // the line in lock_cancellably()
    const auto at = [&](int after) { return std::to_string(line + after); };
    CHECK(seen == std::vector<std::string>{"takes " + at(1), "waits " + helper, "waits " + at(3),
                                           "leaves " + helper, "released", "gets " + at(3),
                                           "released"});
}

TEST_CASE("a waiter that is destroyed may destroy the mutex") {
    using mutex_type = basic_async_mutex<loop_executor, concurrent, journal>;
    asio::io_context loop;
    std::vector<std::string> seen;
    auto mutex = std::make_shared<mutex_type>(loop, journal{&seen});
    auto held = mutex->try_lock();
    {
        asio::io_context dying;
        auto& alive = *mutex;
        alive.async_lock(asio::bind_executor(
            dying, [owner = std::move(mutex), inside = std::move(held)](
                       error_code, mutex_type::guard) { FAIL("a handler ran"); }));
        alive.async_lock(asio::bind_executor(
            dying, [](error_code, mutex_type::guard) { FAIL("a handler ran"); }));
    }
    REQUIRE(seen.size() == 6);
    CHECK(seen[3].starts_with("leaves"));
    CHECK(seen[4] == "released");
    CHECK(seen[5].starts_with("leaves")); // the second waiter, after the mutex was destroyed
}

static_assert(std::is_empty_v<unobserved>);
static_assert(std::is_nothrow_move_constructible_v<async_mutex::guard>);
static_assert(std::is_nothrow_move_assignable_v<async_mutex::guard>);
static_assert(!std::is_copy_constructible_v<async_mutex::guard>);
static_assert(sizeof(async_mutex::guard) == sizeof(void*));

namespace {

/// Counts the blocks in use. Reports on destruction how many were not returned.
struct arena {
    explicit arena(int& report)
        : left{report} {}

    arena(const arena&) = delete;
    arena& operator=(const arena&) = delete;

    ~arena() { left = blocks; }

    int blocks = 0;
    int& left;
};

template <class T>
struct arena_allocator {
    using value_type = T;

    explicit arena_allocator(arena* of) noexcept
        : from{of} {}

    template <class U>
    arena_allocator(const arena_allocator<U>& other) noexcept
        : from{other.from} {}

    T* allocate(std::size_t n) {
        ++from->blocks;
        return std::allocator<T>{}.allocate(n);
    }

    void deallocate(T* memory, std::size_t n) noexcept {
        --from->blocks;
        std::allocator<T>{}.deallocate(memory, n);
    }

    bool operator==(const arena_allocator&) const = default;

    arena* from;
};

/// A handler that owns the arena from which its memory comes. A moved-from handler has no arena.
struct arena_owner {
    using allocator_type = arena_allocator<void>;

    allocator_type get_allocator() const noexcept { return allocator_type{own.get()}; }

    template <class Guard>
    void operator()(error_code, Guard) {
        CHECK(own->blocks == 0);
        ran = true;
    }

    std::unique_ptr<arena> own;
    bool& ran;
};

} // namespace

TEST_CASE_TEMPLATE("a waiter's memory is freed before the arena that its handler owns", Mutex,
                   BOTH_MUTEXES) {
    std::optional<asio::io_context> loop{std::in_place};
    Mutex mutex{loop->get_executor()};
    auto held = mutex.try_lock();
    int left = -1;
    bool ran = false;
    mutex.async_lock(arena_owner{std::make_unique<arena>(left), ran});
    CHECK(left == -1);

    SUBCASE("when it runs") {
        held.unlock();
        loop->run();
        CHECK(ran);
    }
    SUBCASE("when its context is destroyed while it is in the queue") {
        loop.reset();
        CHECK_FALSE(ran);
    }
    SUBCASE("when its context is destroyed while the grant is in flight") {
        held.unlock();
        loop.reset();
        CHECK_FALSE(ran);
    }
    CHECK(left == 0);
}
