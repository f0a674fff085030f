// Runs a small program of a few threads in every order that its synchronisation points allow. The
// threads are fibers of one real thread, which makes a run repeatable. A depth-first search decides
// which thread runs next. Two orders that differ only in independent steps count as one: a prefix
// after which every thread has the same history as before is not followed again.
#pragma once

#include <ucontext.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

namespace interleavings {

class search {
public:
    static constexpr int max_threads = 3;
    static inline search* current = nullptr;

    /// Called by the program under test before each step that other threads can observe.
    void step(int object) {
        wait(object, [] { return true; });
    }

    /// Continues once `ready` returns true, which only a step of another thread can cause.
    void wait(int object, std::function<bool()> ready) {
        if (running_ < 0)
            return; // the threads have not started yet, or have ended
        auto& self = threads_[running_];
        self.ready = std::move(ready);
        self.object = object;
        swapcontext(&self.context, &scheduler_);
    }

    int new_object() { return ++objects_; }

    int running() const { return running_; }

    bool alive(int object) const { return dead_.count(object) == 0; }

    void died(int object) { dead_.insert(object); }

    void violation(std::string what) {
        if (violation_.empty())
            violation_ = std::move(what);
    }

    struct result {
        std::size_t runs = 0;
        std::size_t states = 0;
        std::string violation; // empty if no order has one
    };

    /// `prepare` creates a new program and returns its threads. `finish` checks the program after
    /// its threads have ended.
    result explore(const std::function<std::vector<std::function<void()>>()>& prepare,
                   const std::function<void()>& finish) {
        current = this;
        result total;
        path_.clear();
        seen_.clear();
        do {
            run(prepare, finish);
            ++total.runs;
            total.violation = violation_;
        } while (total.violation.empty() && next_path());
        total.states = seen_.size();
        current = nullptr;
        return total;
    }

private:
    struct thread {
        ucontext_t context;
        std::unique_ptr<char[]> stack;
        std::function<void()> body;
        std::function<bool()> ready;
        int object = 0;
        bool done = false;
        std::uint64_t history = 0;
    };

    struct node {
        std::vector<int> choices;
        std::size_t chosen = 0;
    };

    static constexpr std::size_t stack_bytes = 64 * 1024;

    void run(const std::function<std::vector<std::function<void()>>()>& prepare,
             const std::function<void()>& finish) {
        running_ = -1;
        objects_ = 0;
        dead_.clear();
        violation_.clear();
        object_history_.clear();
        auto bodies = prepare();
        count_ = static_cast<int>(bodies.size());
        for (int i = 0; i != count_; ++i)
            start(threads_[i], std::move(bodies[i]), i);
        bool fresh = true;
        for (std::size_t depth = 0;; ++depth) {
            std::vector<int> enabled;
            int unfinished = 0;
            for (int i = 0; i != count_; ++i) {
                unfinished += !threads_[i].done;
                if (!threads_[i].done && threads_[i].ready())
                    enabled.push_back(i);
            }
            if (enabled.empty()) {
                if (unfinished) {
                    violation("a thread waits forever");
                    return; // abandons the fibers where they are
                }
                break;
            }
            int next = enabled.front();
            if (depth < path_.size())
                next = path_[depth].choices[path_[depth].chosen];
            else if (fresh && (fresh = seen_.insert(fingerprint()).second))
                path_.push_back({enabled, 0});
            advance(next);
        }
        running_ = -1;
        finish();
    }

    void start(thread& it, std::function<void()> body, int id) {
        it.body = std::move(body);
        it.ready = [] { return true; };
        it.object = 0;
        it.done = false;
        it.history = static_cast<std::uint64_t>(id) + 1;
        if (!it.stack)
            it.stack = std::make_unique<char[]>(stack_bytes);
        getcontext(&it.context);
        it.context.uc_stack.ss_sp = it.stack.get();
        it.context.uc_stack.ss_size = stack_bytes;
        it.context.uc_link = &scheduler_;
        makecontext(&it.context, &search::enter, 0);
    }

    static void enter() {
        auto& self = current->threads_[current->running_];
        self.body();
        self.body = nullptr;
        self.done = true;
    }

    void advance(int id) {
        auto& it = threads_[id];
        // An event is identified by the histories of its thread and its object.
        const auto object = static_cast<std::size_t>(it.object);
        if (object_history_.size() <= object)
            object_history_.resize(object + 1);
        it.history = object_history_[object] =
            mix(mix(it.history, object_history_[object]), object);
        running_ = id;
        swapcontext(&scheduler_, &it.context);
        running_ = -1;
    }

    std::uint64_t fingerprint() const {
        std::uint64_t all = 0;
        for (int i = 0; i != count_; ++i)
            all = mix(all, threads_[i].history);
        return all;
    }

    static std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
        a ^= b + 0x9e3779b97f4a7c15 + (a << 6) + (a >> 2);
        a = (a ^ (a >> 30)) * 0xbf58476d1ce4e5b9;
        a = (a ^ (a >> 27)) * 0x94d049bb133111eb;
        return a ^ (a >> 31);
    }

    bool next_path() {
        while (!path_.empty()) {
            if (++path_.back().chosen != path_.back().choices.size())
                return true;
            path_.pop_back();
        }
        return false;
    }

    ucontext_t scheduler_;
    std::array<thread, max_threads> threads_;
    int count_ = 0;
    int running_ = -1;
    int objects_ = 0;
    std::set<int> dead_;
    std::vector<std::uint64_t> object_history_;
    std::vector<node> path_;
    std::unordered_set<std::uint64_t> seen_;
    std::string violation_;
};

/// A threading policy for basic_async_mutex that makes every operation a step.
struct explored {
    class object {
    public:
        object() = default;

        ~object() {
            if (search::current)
                search::current->died(id_);
        }

    protected:
        int id() const { return id_; }

        void step() const {
            wait([] { return true; });
        }

        void wait(std::function<bool()> ready) const {
            search::current->wait(id_, std::move(ready));
            if (!search::current->alive(id_))
                search::current->violation("the state was used after it was destroyed");
        }

    private:
        int id_ = search::current->new_object();
    };

    template <class T>
    class atomic : object {
    public:
        explicit atomic(T value) noexcept
            : value_{value} {}

        T load(std::memory_order) const noexcept {
            step();
            return value_;
        }

        void store(T value, std::memory_order) noexcept {
            step();
            value_ = value;
        }

        T fetch_add(T n, std::memory_order) noexcept {
            step();
            return std::exchange(value_, value_ + n);
        }

        T fetch_sub(T n, std::memory_order) noexcept {
            step();
            return std::exchange(value_, value_ - n);
        }

        bool compare_exchange_strong(T& expected, T value, std::memory_order,
                                     std::memory_order) noexcept {
            step();
            if (value_ == expected) {
                value_ = value;
                return true;
            }
            expected = value_;
            return false;
        }

    private:
        T value_;
    };

    class queue_mutex : object {
    public:
        void lock() noexcept {
            wait([this] { return !locked_; });
            locked_ = true;
        }

        void unlock() noexcept {
            locked_ = false;
            // Another thread may run before this one continues without the lock. It may even
            // destroy this object.
            search::current->step(id());
        }

    private:
        bool locked_ = false;
    };

    using roster_mutex = std::mutex; // never used here, because these executors have no context
};

} // namespace interleavings
