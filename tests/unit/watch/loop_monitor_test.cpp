// Tests loop_monitor on a loop that the test blocks and releases while the watch thread runs.
#include <doctest/doctest.h>

#include "server/watch/loop_monitor.hpp"
#include "server/watch/watch_thread.hpp"

#include <boost/asio/post.hpp>
#include <boost/json.hpp>

#include <future>

namespace {

using namespace chat;
using namespace std::chrono_literals;
namespace json = boost::json;

/// A loop and the thread that watches it. The test itself runs on a third thread.
struct watched_loop {
    asio::io_context loop{1};
    asio::io_context watch{1};
    lock_ledger ledger;
    session_names names;
    loop_monitor monitor{watch,
                         loop.get_executor(),
                         {&ledger},
                         names,
                         {.limits = {.stall_after = 50ms, .starve_after = 10s},
                          .exit_on_stall = false,
                          .shutdown_time = 5s,
                          .on_signal = [](auto) {}}};
    watch_thread watching{watch};

    /// Runs f() on the watch thread and returns its result.
    template <class F>
    auto ask(F f) {
        std::packaged_task<decltype(f())()> question{f};
        auto answer = question.get_future();
        asio::post(watch, [&question] { question(); });
        return answer.get();
    }

    std::uint64_t reports(verdict which) {
        return ask([&] { return monitor.reports(which); });
    }

    json::object last_report() {
        const auto text = ask([&] { return monitor.last_report(); });
        return text ? json::parse(*text).as_object() : json::object{};
    }
};

/// Runs the body of the test on a new thread, and the loop on this thread, which the monitor
/// watches.
template <class F>
void with_watched_loop(F body) {
    watched_loop all;
    const auto until_done = asio::make_work_guard(all.loop);
    auto done = std::async(std::launch::async, [&] {
        body(all);
        all.loop.stop();
    });
    all.loop.run();
    done.get();
}

bool has_stack(const json::object& report) {
    return report.at("thread").as_object().at("stack").is_array();
}

} // namespace

TEST_CASE("an older report does not overwrite a newer one, whose stack is named later") {
    with_watched_loop([](watched_loop& all) {
        std::promise<void> wake_up;
        asio::post(all.loop, [woken = wake_up.get_future().share()] { woken.wait(); });
        while (all.reports(verdict::blocked) == 0) {
        }
        CHECK(all.last_report().at("verdict") == "blocked");

        std::promise<void> enough;
        asio::post(all.loop, [enough = enough.get_future().share()] {
            while (enough.wait_for(0s) != std::future_status::ready) {
            }
        });
        wake_up.set_value();
        while (all.reports(verdict::spinning) == 0) {
        }
        json::object report;
        bool same = true;
        do {
            report = all.last_report();
            same = same && report.at("verdict") == "spinning";
        } while (!has_stack(report));
        enough.set_value();
        CHECK(same);
    });
}

TEST_CASE("the monitor reports for how long a probe has been unanswered") {
    with_watched_loop([](watched_loop& all) {
        std::promise<void> wake_up;
        asio::post(all.loop, [woken = wake_up.get_future().share()] { woken.wait(); });
        while (all.ask([&] { return all.monitor.unanswered(); }) < 20ms) {
        }
        wake_up.set_value();
        while (all.ask([&] { return all.monitor.unanswered(); }) >= 20ms) {
        }
    });
}
