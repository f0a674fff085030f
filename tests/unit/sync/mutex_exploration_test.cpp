// Runs the async mutex itself, not a model of it, in every order of its synchronisation points. The
// programs are all pairs of threads that lock, try, cancel, run handlers and destroy the mutex,
// with up to three tasks in total.
#include "server/sync/async_mutex.hpp"
#include "tests/unit/sync/interleavings.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace chat;
using boost::system::error_code;

namespace {

struct program;

// An executor that puts each function into the inbox of a thread, which runs it later.
struct inbox_executor {
    program* of = nullptr;
    int thread = 0;

    static constexpr asio::execution::blocking_t query(asio::execution::blocking_t) noexcept {
        return asio::execution::blocking.never;
    }

    inbox_executor require(asio::execution::blocking_t::never_t) const noexcept { return *this; }

    bool operator==(const inbox_executor&) const noexcept = default;

    template <class F>
    void execute(F f) const;
};

// An observer that counts the mutex states on the heap.
struct counted {
    using site = unobserved::site;

    struct count {
        explicit count(int& of)
            : of_{&of} {
            ++*of_;
        }

        count(count&& other) noexcept
            : of_{std::exchange(other.of_, nullptr)} {}

        ~count() {
            if (of_)
                --*of_;
        }

        int* of_;
    } states;

    void waiting(const void*, const site&) noexcept {}

    void acquired(const void*, const site&) noexcept {}

    void abandoned(const void*, const site&) noexcept {}

    void released() noexcept {}
};

using mutex_type = basic_async_mutex<inbox_executor, interleavings::explored, counted>;

// Each letter of a script is one action of its thread:
//   L  start to lock; when granted, hold the lock for one turn of the loop, then unlock
//   C  cancel the newest task of this thread
//   T  try_lock and unlock
//   R  run one handler, waiting for it if one will come
//   D  destroy the mutex, once no thread will use it any more
// After its last letter a thread keeps running handlers.
struct program {
    struct task {
        int begun = 0;    // when async_lock() was called
        int queued = 0;   // when async_lock() returned
        int acquired = 0; // when the handler ran with the lock; 0 if it never did
        int completions = 0;
        bool ended = false;
        asio::cancellation_signal stop;
    };

    explicit program(std::vector<std::string> scripts)
        : scripts_{std::move(scripts)}
        , inboxes_(scripts_.size())
        , mutex_{std::in_place, inbox_executor{this, 0}, counted{counted::count{states_}}} {
        for (std::size_t i = 0; i != scripts_.size(); ++i)
            inbox_objects_.push_back(search().new_object());
        users_object_ = search().new_object();
        users_ = static_cast<int>(scripts_.size());
    }

    static interleavings::search& search() { return *interleavings::search::current; }

    static void violation(const char* what) { search().violation(what); }

    void run(int thread) {
        const auto& script = scripts_[thread];
        const auto last_use = script.find_last_of("LT");
        if (last_use == std::string::npos)
            stop_using();
        for (std::size_t at = 0; at != script.size(); ++at) {
            switch (script[at]) {
            case 'L':
                lock(thread);
                break;
            case 'T':
                try_lock();
                break;
            case 'C':
                tasks_of(thread).back()->stop.emit(asio::cancellation_type::terminal);
                break;
            case 'R':
                run_one(thread);
                break;
            case 'D':
                search().wait(users_object_, [this] { return users_ == 0; });
                mutex_.reset();
                break;
            }
            if (at == last_use)
                stop_using();
        }
        while (run_one(thread)) {
        }
    }

    void finish() {
        for (const auto& each : tasks_) {
            if (each.completions != 1)
                violation("a handler did not run exactly once");
            if (!each.acquired)
                continue;
            for (const auto& other : tasks_) {
                if (other.acquired && each.queued < other.begun && each.acquired > other.acquired)
                    violation("a waiter was overtaken");
            }
            for (const auto& [begun, acquired] : tries_) {
                if (each.queued < begun && each.acquired > acquired)
                    violation("try_lock overtook a waiter");
            }
        }
        if (mutex_ && !mutex_->try_lock().owns_lock())
            violation("a grant was lost: no task holds the lock, but it is not free");
        mutex_.reset();
        if (states_ != 0)
            violation("the state was never freed");
    }

    void push(int thread, std::function<void()> f) {
        search().step(inbox_objects_[thread]);
        inboxes_[thread].push_back(std::move(f));
    }

private:
    std::vector<task*> tasks_of(int thread) {
        std::vector<task*> own;
        for (std::size_t i = 0; i != tasks_.size(); ++i) {
            if (owners_[i] == thread)
                own.push_back(&tasks_[i]);
        }
        return own;
    }

    bool all_ended() const {
        return users_ == 0 &&
               std::all_of(tasks_.begin(), tasks_.end(), [](auto& t) { return t.ended; });
    }

    // False if there is no handler and none will come.
    bool run_one(int thread) {
        auto& inbox = inboxes_[thread];
        search().wait(inbox_objects_[thread], [&, thread] {
            const auto own = tasks_of(thread);
            return !inbox.empty() ||
                   std::all_of(own.begin(), own.end(), [](auto* each) { return each->ended; });
        });
        if (inbox.empty())
            return false;
        auto next = std::move(inbox.front());
        inbox.pop_front();
        next();
        return true;
    }

    void stop_using() {
        search().step(users_object_);
        --users_;
    }

    void enter() {
        if (std::exchange(inside_, true))
            violation("two tasks hold the lock at once");
    }

    void lock(int thread) {
        owners_.push_back(thread);
        auto& own = tasks_.emplace_back();
        own.begun = ++clock_;
        const inbox_executor loop{this, thread};
        auto handler = [this, &own, loop](error_code ec, mutex_type::guard guard) {
            ++own.completions;
            if (ec) {
                own.ended = true;
                return;
            }
            own.acquired = ++clock_;
            enter();
            auto held = std::make_shared<mutex_type::guard>(std::move(guard));
            loop.execute([this, &own, held] {
                inside_ = false;
                held->unlock();
                own.ended = true;
            });
        };
        mutex_->async_lock(
            asio::bind_executor(loop, asio::bind_cancellation_slot(own.stop.slot(), handler)));
        own.queued = ++clock_;
    }

    void try_lock() {
        const int begun = ++clock_;
        if (auto guard = mutex_->try_lock()) {
            tries_.emplace_back(begun, ++clock_);
            enter();
            search().step(users_object_);
            inside_ = false;
        }
    }

    std::vector<std::string> scripts_;
    std::vector<std::deque<std::function<void()>>> inboxes_;
    std::vector<int> inbox_objects_;
    int users_object_ = 0;
    int users_ = 0;
    int clock_ = 0;
    int states_ = 0;
    bool inside_ = false;
    std::deque<task> tasks_;
    std::vector<int> owners_;
    std::vector<std::pair<int, int>> tries_;
    std::optional<mutex_type> mutex_;
};

template <class F>
void inbox_executor::execute(F f) const {
    // std::function needs a copyable function, but this one can only be moved.
    auto shared = std::make_shared<F>(std::move(f));
    of->push(thread, [shared]() mutable {
        F moved{std::move(*shared)};
        shared.reset();
        std::move(moved)();
    });
}

interleavings::search::result explore(const std::vector<std::string>& scripts) {
    interleavings::search search;
    std::optional<program> it;
    auto prepare = [&] {
        it.reset();
        it.emplace(scripts);
        std::vector<std::function<void()>> threads;
        for (int i = 0; i != static_cast<int>(scripts.size()); ++i)
            threads.push_back([&it, i] { it->run(i); });
        return threads;
    };
    auto result = search.explore(prepare, [&] { it->finish(); });
    if (!result.violation.empty())
        it.reset();
    return result;
}

// All scripts of up to `length` letters that do not cancel a task before one was started.
std::vector<std::string> scripts(std::size_t length) {
    std::vector<std::string> all{""};
    for (std::size_t begin = 0, n = 0; n != length; ++n) {
        const auto end = all.size();
        for (; begin != end; ++begin) {
            const auto locked = all[begin].find('L') != std::string::npos;
            for (const char next : std::string{locked ? "LTCR" : "LT"})
                all.push_back(all[begin] + next);
        }
    }
    return all;
}

struct totals {
    std::size_t programs = 0;
    std::size_t runs = 0;
    std::size_t states = 0;
};

// Explores all pairs of scripts with at most `letters` letters and three tasks in total. Appends
// `end` to the first script.
totals explore_all(std::size_t letters, const std::string& end) {
    totals sum;
    const auto all = scripts(std::min<std::size_t>(letters, 4));
    for (const auto& first : all) {
        for (const auto& second : all) {
            const auto together = first + second;
            const auto tasks = std::count(together.begin(), together.end(), 'L');
            if (together.size() > letters || tasks == 0 || tasks > 3 ||
                (end.empty() && first > second)) {
                continue;
            }
            const auto result = explore({first + end, second});
            ++sum.programs;
            sum.runs += result.runs;
            sum.states += result.states;
            INFO("program: ", first, end, " | ", second, ", order ", result.runs);
            REQUIRE(result.violation == "");
        }
    }
    MESSAGE(sum.programs, " programs, ", sum.states, " states, ", sum.runs, " runs");
    return sum;
}

// The size of the programs. 3 takes a second or two, each additional letter twenty times as long.
std::size_t letters() {
    const char* wanted = std::getenv("CHAT_EXPLORE");
    return wanted ? std::stoul(wanted) : 3;
}

} // namespace

TEST_CASE("no order of lock, try_lock, cancel and unlock breaks the mutex") {
    CHECK(explore_all(letters(), "").programs > 10);
}

TEST_CASE("no order breaks a mutex that is destroyed at the same time") {
    CHECK(explore_all(letters() - 1, "D").programs > 10);
}
