// Measures the async mutex and its alternatives: std::mutex, a channel that carries one token, a
// strand, and a bare yield (asio::post), which is the minimum cost of a hand-off. Everything runs
// in one process, so the ratios are valid on a machine where the absolute times are not. Run it
// with `scripts/bench.sh mutex`.
#include "server/loop/loop_executor.hpp"
#include "server/sync/async_mutex.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/basic_channel.hpp>
#include <boost/asio/experimental/basic_concurrent_channel.hpp>
#include <boost/asio/experimental/channel_traits.hpp>
#include <boost/asio/strand.hpp>

#include <benchmark/benchmark.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <map>
#include <string>
#include <thread>
#include <vector>

// Counts the allocations that reach the heap. Asio allocates with aligned_alloc, our code with
// operator new.
extern "C" void* __libc_malloc(std::size_t) noexcept;
extern "C" void* __libc_memalign(std::size_t, std::size_t) noexcept;

namespace {
std::atomic<long> allocations{0};
}

extern "C" void* malloc(std::size_t size) noexcept {
    allocations.fetch_add(1, std::memory_order_relaxed);
    return __libc_malloc(size);
}

extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
    allocations.fetch_add(1, std::memory_order_relaxed);
    return __libc_memalign(alignment, size);
}

namespace {

using namespace chat;
using boost::system::error_code;

// Processor time of this thread, on which other programs have less influence; wall time for
// measurements with two threads.
double seconds(bool of_thread = true) {
    timespec now;
    clock_gettime(of_thread ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

using concurrent_mutex = basic_async_mutex<loop_executor>;
using local_mutex = basic_async_mutex<loop_executor, unsynchronized>;

// --- The contestants: co_await enter(lock), leave --------------------------------------------

struct plain_mutex {
    explicit plain_mutex(asio::io_context&) {}

    std::mutex lock;
};

template <class Channel>
struct token {
    explicit token(asio::io_context& loop)
        : channel{loop.get_executor(), 1} {
        channel.try_send(error_code{});
    }

    Channel channel;
};

using local_token =
    token<asio::experimental::basic_channel<loop_executor, asio::experimental::channel_traits<>,
                                            void(error_code)>>;
using shared_token = token<asio::experimental::basic_concurrent_channel<
    loop_executor, asio::experimental::channel_traits<>, void(error_code)>>;

// --- Uncontended -----------------------------------------------------------------------------

template <class Rounds>
task<> repeat(Rounds& state, plain_mutex& mutex) {
    for ([[maybe_unused]] auto _ : state) {
        std::lock_guard guard{mutex.lock};
        benchmark::ClobberMemory();
    }
    co_return;
}

template <class Rounds, class... Policies>
task<> repeat(Rounds& state, basic_async_mutex<loop_executor, Policies...>& mutex) {
    for ([[maybe_unused]] auto _ : state) {
        auto guard = co_await mutex.lock();
        benchmark::ClobberMemory();
    }
}

template <class Rounds, class Channel>
task<> repeat(Rounds& state, token<Channel>& lock) {
    for ([[maybe_unused]] auto _ : state) {
        co_await lock.channel.async_receive(use_task);
        benchmark::ClobberMemory();
        lock.channel.try_send(error_code{});
    }
}

struct bare_yield {
    explicit bare_yield(asio::io_context&) {}
};

template <class Rounds>
task<> repeat(Rounds& state, bare_yield&) {
    for ([[maybe_unused]] auto _ : state)
        co_await asio::post(use_task);
}

// A coroutine that only returns a guard. Its frame is the minimum cost of every `co_await lock()`.
struct bare_coroutine {
    explicit bare_coroutine(asio::io_context&) {}

    task<concurrent_mutex::guard> lock() { co_return concurrent_mutex::guard{}; }
};

template <class Rounds>
task<> repeat(Rounds& state, bare_coroutine& nothing) {
    for ([[maybe_unused]] auto _ : state) {
        auto guard = co_await nothing.lock();
        benchmark::ClobberMemory();
    }
}

struct strand {
    explicit strand(asio::io_context& loop)
        : inside{loop.get_executor()} {}

    asio::strand<loop_executor> inside;
};

template <class Rounds>
task<> repeat(Rounds& state, strand& lock) {
    for ([[maybe_unused]] auto _ : state) {
        co_await asio::post(asio::bind_executor(lock.inside, use_task));
        benchmark::ClobberMemory();
    }
}

template <class Lock>
void uncontended(benchmark::State& state) {
    asio::io_context loop;
    Lock lock{loop};
    long before = 0;
    auto measured = [&]() -> task<> {
        before = allocations;
        co_await repeat(state, lock);
    };
    asio::co_spawn(loop, measured, [](std::exception_ptr) {});
    loop.run();
    state.SetItemsProcessed(state.iterations());
    state.counters["allocations"] =
        static_cast<double>(allocations - before) / static_cast<double>(state.iterations());
}

template <class Mutex>
void tried(benchmark::State& state) {
    asio::io_context loop;
    Mutex mutex{loop};
    for ([[maybe_unused]] auto _ : state) {
        auto guard = mutex.try_lock();
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations());
}

void tried_std(benchmark::State& state) {
    std::mutex mutex;
    for ([[maybe_unused]] auto _ : state) {
        std::unique_lock guard{mutex, std::try_to_lock};
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations());
}

// --- Contended: many coroutines, the lock held across a yield --------------------------------

template <class... Policies>
task<> rounds(basic_async_mutex<loop_executor, Policies...>& mutex, int count) {
    while (count-- > 0) {
        auto guard = co_await mutex.lock();
        co_await asio::post(use_task);
    }
}

template <class Channel>
task<> rounds(token<Channel>& lock, int count) {
    while (count-- > 0) {
        co_await lock.channel.async_receive(use_task);
        co_await asio::post(use_task);
        lock.channel.try_send(error_code{});
    }
}

task<> rounds(bare_yield&, int count) {
    while (count-- > 0)
        co_await asio::post(use_task);
}

template <class Lock>
void contended(benchmark::State& state) {
    const auto threads = static_cast<int>(state.range(0));
    const auto coroutines = static_cast<int>(state.range(1));
    const int each = 400'000 / coroutines;
    long steady = 0;
    for ([[maybe_unused]] auto _ : state) {
        asio::io_context loop{threads};
        Lock lock{loop};
        for (int i = 0; i != coroutines; ++i)
            asio::co_spawn(loop, rounds(lock, each), [](std::exception_ptr) {});
        if (threads == 1) { // the start is not part of the steady state
            for (int i = 0; i != 4 * coroutines; ++i)
                loop.run_one();
        }
        const auto before = allocations.load();
        const auto start = seconds(threads == 1);
        std::vector<std::thread> others;
        for (int i = 1; i < threads; ++i)
            others.emplace_back([&] { loop.run(); });
        loop.run();
        for (auto& other : others)
            other.join();
        state.SetIterationTime(seconds(threads == 1) - start);
        steady += allocations - before;
    }
    const auto done = state.iterations() * coroutines * each;
    state.SetItemsProcessed(done);
    state.counters["allocations"] = static_cast<double>(steady) / static_cast<double>(done);
}

// --- Many waiting callbacks ------------------------------------------------------------------

constexpr int cancelled_waiters = 100'000;

template <bool Forward>
void cancel(benchmark::State& state) {
    std::size_t bytes = 0;
    for ([[maybe_unused]] auto _ : state) {
        asio::io_context loop;
        concurrent_mutex mutex{loop};
        auto held = mutex.try_lock();
        std::vector<asio::cancellation_signal> signals(cancelled_waiters);
        int aborted = 0;
        const auto heap = mallinfo2().uordblks;
        for (auto& signal : signals) {
            auto count = [&](error_code ec, concurrent_mutex::guard) { aborted += ec.failed(); };
            mutex.async_lock(asio::bind_cancellation_slot(signal.slot(), count));
        }
        bytes = mallinfo2().uordblks - heap;
        const auto start = seconds();
        for (int i = 0; i != cancelled_waiters; ++i) {
            signals[Forward ? i : cancelled_waiters - 1 - i].emit(
                asio::cancellation_type::terminal);
        }
        loop.run();
        state.SetIterationTime(seconds() - start);
        if (aborted != cancelled_waiters)
            state.SkipWithError("a waiter was not aborted");
    }
    state.SetItemsProcessed(state.iterations() * cancelled_waiters);
    state.counters["bytes_each"] = static_cast<double>(bytes) / cancelled_waiters;
}

// Asio's share of a cancellation: posts a callback for each waiter, then runs all of them.
void post_many(benchmark::State& state) {
    for ([[maybe_unused]] auto _ : state) {
        asio::io_context loop;
        int ran = 0;
        const auto start = seconds();
        for (int i = 0; i != cancelled_waiters; ++i)
            asio::post(loop, [&] { ++ran; });
        loop.run();
        state.SetIterationTime(seconds() - start);
        if (ran != cancelled_waiters)
            state.SkipWithError("a callback did not run");
    }
    state.SetItemsProcessed(state.iterations() * cancelled_waiters);
}

constexpr int released_waiters = 1'000'000;

// Asio's share of a hand-off: each callback posts the next.
struct relay {
    asio::io_context& loop;
    int left = released_waiters;

    void operator()() {
        if (left-- > 0)
            asio::post(loop, [this] { (*this)(); });
    }
};

void post_relay(benchmark::State& state) {
    for ([[maybe_unused]] auto _ : state) {
        asio::io_context loop;
        relay next{loop};
        const auto start = seconds();
        next();
        loop.run();
        state.SetIterationTime(seconds() - start);
    }
    state.SetItemsProcessed(state.iterations() * released_waiters);
}

void release_queue(benchmark::State& state) {
    constexpr int waiters = released_waiters;
    for ([[maybe_unused]] auto _ : state) {
        asio::io_context loop;
        concurrent_mutex mutex{loop};
        auto held = mutex.try_lock();
        int granted = 0;
        for (int i = 0; i != waiters; ++i)
            mutex.async_lock([&](error_code ec, concurrent_mutex::guard) { granted += !ec; });
        const auto start = seconds();
        held.unlock();
        loop.run();
        state.SetIterationTime(seconds() - start);
        if (granted != waiters)
            state.SkipWithError("a waiter was not granted");
    }
    state.SetItemsProcessed(state.iterations() * waiters);
}

// --- The table -------------------------------------------------------------------------------

// Records the nanoseconds per operation of each repetition.
class recorder : public benchmark::ConsoleReporter {
public:
    recorder()
        : ConsoleReporter{OO_Tabular} {}

    bool ReportContext(const Context& context) override {
        SetOutputStream(&std::cerr); // only the tables go to stdout
        return ConsoleReporter::ReportContext(context);
    }

    void ReportRuns(const std::vector<Run>& runs) override {
        ConsoleReporter::ReportRuns(runs);
        for (const auto& run : runs) {
            const auto rate = run.counters.find("items_per_second");
            if (run.error_occurred || rate == run.counters.end() ||
                run.run_type == Run::RT_Aggregate) {
                continue;
            }
            auto& kept = results_[run.run_name.function_name];
            kept.ns.push_back(1e9 / rate->second.value);
            for (const auto& [name, counter] : run.counters)
                kept.counters[name] = counter.value;
        }
    }

    /// Returns the best repetition, which other work on the machine disturbed least. For two
    /// threads returns the median, because in the best repetition they happen not to meet. 0 if it
    /// did not run.
    double ns(const std::string& name) const {
        const auto found = results_.find(name);
        if (found == results_.end())
            return 0;
        auto all = found->second.ns;
        std::sort(all.begin(), all.end());
        return name.starts_with("threads/") ? all[all.size() / 2] : all.front();
    }

    /// Returns a negative value if the counter does not exist.
    double counter(const std::string& name, const std::string& which) const {
        const auto found = results_.find(name);
        if (found == results_.end() || !found->second.counters.contains(which))
            return -1;
        return found->second.counters.at(which);
    }

private:
    struct result {
        std::vector<double> ns;
        std::map<std::string, double> counters;
    };

    std::map<std::string, result> results_;
};

// Prints a line of the table of ratios: `name` relative to `reference`, which the table calls `against`.
void ratio_row(const recorder& seen, const char* work, const char* name, const char* against,
               const char* reference) {
    if (const auto mine = seen.ns(name), base = seen.ns(reference); mine > 0 && base > 0) {
        std::printf("| %s | %.2f x %s | %.1f ns |\n", work, mine / base, against, mine);
    }
}

// Without goals: these ratios differ between processors, most of all those to std::mutex.
void table_of_ratios(const recorder& seen) {
    std::puts("\n| work | ratio on this machine | each |\n|---|---|---|");
    ratio_row(seen, "uncontended `co_await lock()` and unlock, concurrent",
              "uncontended/async_mutex", "`std::mutex`", "uncontended/std_mutex");
    ratio_row(seen, "the same, against a channel", "uncontended/async_mutex",
              "`concurrent_channel`", "uncontended/concurrent_channel");
    ratio_row(seen, "uncontended `co_await lock()` and unlock, unsynchronized",
              "uncontended/unsynchronized", "`std::mutex`", "uncontended/std_mutex");
    ratio_row(seen, "`try_lock()` and unlock, concurrent", "try_lock/async_mutex", "`std::mutex`",
              "try_lock/std_mutex");
    ratio_row(seen, "`try_lock()` and unlock, unsynchronized", "try_lock/unsynchronized",
              "`std::mutex`", "try_lock/std_mutex");
    ratio_row(seen, "hand-off, 1000 coroutines, held across a yield, concurrent",
              "contended/async_mutex", "`concurrent_channel`", "contended/concurrent_channel");
    ratio_row(seen, "the same, against a channel without locks", "contended/async_mutex",
              "`channel`", "contended/channel");
    ratio_row(seen, "the same, unsynchronized", "contended/unsynchronized", "`channel`",
              "contended/channel");
    ratio_row(seen, "2 threads, 64 coroutines, held across a yield", "threads/async_mutex",
              "the bare yield", "threads/yield");
    ratio_row(seen, "cancel 100,000 waiters, oldest first", "cancel/forward", "newest first",
              "cancel/reverse");
    ratio_row(seen, "release 1,000,000 queued callbacks", "release/async_mutex",
              "one of 100,000 callbacks posted", "post/many");
    if (const auto bytes = seen.counter("cancel/forward", "bytes_each"); bytes > 0)
        std::printf("\nA waiting callback with a cancellation slot takes %.0f bytes of heap.\n",
                    bytes);
}

void others_row(const recorder& seen, const char* what, const char* uncontended,
                const char* contended, const char* threads) {
    std::printf("| %s |", what);
    for (const char* name : {uncontended, contended, threads}) {
        const auto ns = name ? seen.ns(name) : 0;
        const auto allocated = name ? seen.counter(name, "allocations") : -1;
        ns > 0 ? std::printf(" %.1f ns |", ns) : std::printf(" |");
        allocated >= 0 ? std::printf(" %.2f |", allocated) : std::printf(" |");
    }
    std::puts("");
}

// Times of lock, unlock and the work in between, and the heap allocations of each.
void table_of_others(const recorder& seen) {
    std::puts("\n| | uncontended | allocations | 1000 coroutines | allocations | 2 threads | "
              "allocations |\n|---|---|---|---|---|---|---|");
    others_row(seen, "`std::mutex`", "uncontended/std_mutex", nullptr, nullptr);
    others_row(seen, "`async_mutex`", "uncontended/async_mutex", "contended/async_mutex",
               "threads/async_mutex");
    others_row(seen, "`unsynchronized_async_mutex`", "uncontended/unsynchronized",
               "contended/unsynchronized", nullptr);
    others_row(seen, "`experimental::channel`", "uncontended/channel", "contended/channel",
               nullptr);
    others_row(seen, "`experimental::concurrent_channel`", "uncontended/concurrent_channel",
               "contended/concurrent_channel", "threads/concurrent_channel");
    others_row(seen, "`strand`", "uncontended/strand", nullptr, nullptr);
    others_row(seen, "only the coroutine's frame", "uncontended/coroutine", nullptr, nullptr);
    others_row(seen, "only the yield (`post`)", "uncontended/yield", "contended/yield",
               "threads/yield");
    if (seen.ns("post/many") > 0 && seen.ns("post/relay") > 0) {
        std::printf("\nA callback posted to the loop costs %.0f ns when 100,000 are posted before "
                    "the first runs,\n%.0f ns when each posts the next.\n",
                    seen.ns("post/many"), seen.ns("post/relay"));
    }
    std::puts(
        "\nThe process of these measurements has had a second thread; without one, glibc omits "
        "the atomic instructions of `std::mutex`.\nThe async mutexes are instantiated with "
        "io_context::executor_type.");
}

// --- Instructions ----------------------------------------------------------------------------

// `mutex_bench --rounds NAME COUNT` does COUNT rounds, for callgrind to count.

struct fixed_rounds {
    int left;

    struct iterator {
        fixed_rounds* of;

        bool operator!=(std::nullptr_t) const { return of->left > 0; }

        void operator++() const { --of->left; }

        int operator*() const { return 0; }
    };

    iterator begin() { return {this}; }

    std::nullptr_t end() { return nullptr; }
};

template <class Lock>
void uncontended_rounds(int count) {
    asio::io_context loop;
    Lock lock{loop};
    fixed_rounds all{count};
    asio::co_spawn(loop, repeat(all, lock), [](std::exception_ptr) {});
    loop.run();
}

template <class Lock>
void contended_rounds(int count) {
    asio::io_context loop;
    Lock lock{loop};
    for (int i = 0; i != 10; ++i)
        asio::co_spawn(loop, rounds(lock, count / 10), [](std::exception_ptr) {});
    loop.run();
}

int do_rounds(const std::string& name, int count) {
    const std::map<std::string, void (*)(int)> known{
        {"uncontended/std_mutex", uncontended_rounds<plain_mutex>},
        {"uncontended/async_mutex", uncontended_rounds<concurrent_mutex>},
        {"uncontended/unsynchronized", uncontended_rounds<local_mutex>},
        {"uncontended/channel", uncontended_rounds<local_token>},
        {"uncontended/coroutine", uncontended_rounds<bare_coroutine>},
        {"uncontended/concurrent_channel", uncontended_rounds<shared_token>},
        {"uncontended/strand", uncontended_rounds<strand>},
        {"uncontended/yield", uncontended_rounds<bare_yield>},
        {"contended/async_mutex", contended_rounds<concurrent_mutex>},
        {"contended/unsynchronized", contended_rounds<local_mutex>},
        {"contended/channel", contended_rounds<local_token>},
        {"contended/concurrent_channel", contended_rounds<shared_token>},
        {"contended/yield", contended_rounds<bare_yield>},
    };
    const auto found = known.find(name);
    if (found == known.end()) {
        std::fprintf(stderr, "mutex_bench: --rounds does not know '%s'\n", name.c_str());
        return 2;
    }
    found->second(count);
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    // glibc omits atomic instructions in a process that has never had a second thread. A server has
    // had one.
    std::thread{[] {}}.join();
    if (argc == 4 && argv[1] == std::string{"--rounds"})
        return do_rounds(argv[2], std::atoi(argv[3]));

    using benchmark::RegisterBenchmark;
    RegisterBenchmark("uncontended/std_mutex", uncontended<plain_mutex>);
    RegisterBenchmark("uncontended/async_mutex", uncontended<concurrent_mutex>);
    RegisterBenchmark("uncontended/unsynchronized", uncontended<local_mutex>);
    RegisterBenchmark("uncontended/channel", uncontended<local_token>);
    RegisterBenchmark("uncontended/concurrent_channel", uncontended<shared_token>);
    RegisterBenchmark("uncontended/strand", uncontended<strand>);
    RegisterBenchmark("uncontended/coroutine", uncontended<bare_coroutine>);
    RegisterBenchmark("uncontended/yield", uncontended<bare_yield>);
    RegisterBenchmark("try_lock/std_mutex", tried_std);
    RegisterBenchmark("try_lock/async_mutex", tried<concurrent_mutex>);
    RegisterBenchmark("try_lock/unsynchronized", tried<local_mutex>);
    for (auto* run : {RegisterBenchmark("contended/channel", contended<local_token>),
                      RegisterBenchmark("contended/concurrent_channel", contended<shared_token>),
                      RegisterBenchmark("contended/async_mutex", contended<concurrent_mutex>),
                      RegisterBenchmark("contended/unsynchronized", contended<local_mutex>),
                      RegisterBenchmark("contended/yield", contended<bare_yield>)}) {
        run->Args({1, 1000})->UseManualTime()->Unit(benchmark::kMillisecond);
    }
    for (auto* run : {RegisterBenchmark("threads/concurrent_channel", contended<shared_token>),
                      RegisterBenchmark("threads/async_mutex", contended<concurrent_mutex>),
                      RegisterBenchmark("threads/yield", contended<bare_yield>)}) {
        run->Args({2, 64})->UseManualTime()->Unit(benchmark::kMillisecond);
    }
    for (auto* run :
         {RegisterBenchmark("cancel/forward", cancel<true>),
          RegisterBenchmark("cancel/reverse", cancel<false>),
          RegisterBenchmark("release/async_mutex", release_queue),
          RegisterBenchmark("post/many", post_many), RegisterBenchmark("post/relay", post_relay)}) {
        run->UseManualTime()->Unit(benchmark::kMillisecond);
    }

    benchmark::Initialize(&argc, argv);
    recorder seen;
    benchmark::RunSpecifiedBenchmarks(&seen);
    table_of_ratios(seen);
    table_of_others(seen);
}
