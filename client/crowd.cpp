#include "client/crowd.hpp"

#include "client/spawn.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <utility>

namespace chat::load {

namespace {

constexpr std::uint32_t joining_at_once = 100;
constexpr int tiny_receive_buffer = 2048;
constexpr std::chrono::milliseconds close_limit{500};

/// Returns ` (tried [::1]:8080, 127.0.0.1:8080)` if the URL does not show which addresses were tried.
std::string tried(const server_address& server, const ws_url& url) {
    const auto& all = server.endpoints;
    if (all.size() == 1 && all.front().address().to_string() == url.host)
        return {};
    std::string list;
    for (const auto& endpoint : all)
        list += (list.empty() ? "" : ", ") + to_string(endpoint);
    return fmt::format(" (tried {})", list);
}

} // namespace

crowd::crowd(run_context& run, const load_options& options, server_address& server)
    : run_{run}
    , options_{options}
    , server_{server}
    , step_done_{run.loop} {
    for (std::uint32_t i = 0; i < options.clients; ++i)
        clients_.emplace_back(run, i);
    for (std::uint32_t i = 0; i < options.slow_readers; ++i)
        slow_readers_.emplace_back(run.loop, run.sockets, run.shared);
}

task<std::optional<std::string>> crowd::join(const progress_line& progress) {
    const auto last = static_cast<std::uint32_t>(clients_.size());
    // The first client joins alone: if nothing is listening, one attempt shows it.
    for (const auto goal : {1U, last}) {
        const auto workers = std::min(goal - next_, joining_at_once);
        last_to_join_ = goal;
        busy_ += workers;
        for (std::uint32_t i = 0; i < workers; ++i)
            spawn(run_.loop, join_in_turn(progress));
        co_await all_done();
        if (failure_)
            co_return failure_;
    }
    busy_ += static_cast<std::uint32_t>(slow_readers_.size());
    for (std::uint32_t i = 0; i < slow_readers_.size(); ++i)
        spawn(run_.loop, join_slow_reader(slow_readers_[i], i + 1));
    co_await all_done();
    co_return failure_;
}

task<> crowd::all_done() {
    while (busy_ > 0)
        co_await step_done_.wait();
}

void crowd::one_done() {
    --busy_;
    step_done_.ring();
}

task<> crowd::join_in_turn(const progress_line& progress) {
    while (next_ < last_to_join_ && !failure_) {
        const auto index = next_++;
        auto name = fmt::format("load-{}", index + 1);
        const auto result =
            co_await clients_[index].join(server_, server_.target(name), options_.connect_timeout);
        if (result.outcome != handshake_outcome::completed) {
            fail(result, name);
            continue;
        }
        if (index == 0) {
            server_.endpoints = {result.endpoint};
            run_.software = result.software;
        }
        progress(++joined_, options_.clients);
    }
    one_done();
}

task<> crowd::join_slow_reader(connection& slow, std::uint32_t number) {
    auto name = fmt::format("slow-{}", number);
    const auto result = co_await slow.open(server_, server_.target(name), options_.connect_timeout,
                                           tiny_receive_buffer);
    if (result.outcome != handshake_outcome::completed)
        fail(result, name);
    one_done();
}

void crowd::fail(const handshake_result& result, const std::string& who) {
    if (failure_)
        return;
    failure_ = advise(result);
    if (joined_ > 0)
        *failure_ += fmt::format(" ({} of {} clients had joined, {} could not)", joined_,
                                 options_.clients, who);
}

void crowd::give_up() {
    if (!failure_)
        failure_ =
            fmt::format("interrupted after {} of {} clients had joined", joined_, options_.clients);
    drop();
}

std::string crowd::advise(const handshake_result& result) const {
    const auto url = parse_url(options_.url).value_or(ws_url{});
    const auto where = options_.url + tried(server_, url);
    switch (result.outcome) {
    case handshake_outcome::refused:
        return fmt::format("nothing is listening at {}: start the server first, for example "
                           "./build/async/bin/chat-server --port {}",
                           where, url.port);
    case handshake_outcome::timed_out:
        return fmt::format(
            "{} does not let clients in ({}): the server is frozen or stopped, or is "
            "not a chat server; restart it",
            where, result.detail);
    case handshake_outcome::rejected:
        return fmt::format("{} refused the WebSocket handshake: {}", options_.url, result.detail);
    default:
        return fmt::format("no WebSocket connection to {}: {}", where, result.detail);
    }
}

task<> crowd::leave() {
    busy_ += static_cast<std::uint32_t>(slow_readers_.size());
    for (std::uint32_t i = 0; i < slow_readers_.size(); ++i)
        spawn(run_.loop, leave_slow_reader(slow_readers_[i]));
    co_await all_done();

    for (auto& one : clients_)
        one.leave();
    const auto limit = clock::now() + close_limit;
    while (clock::now() < limit && std::ranges::any_of(clients_, &client::is_connected)) {
        const auto pause = clock::now() + std::chrono::milliseconds{5};
        co_await step_done_.wait_until(pause);
    }
    drop();
}

task<> crowd::leave_slow_reader(connection& slow) {
    const bool closed = co_await slow.drains_to_end(close_limit);
    slow_readers_closed_ += closed ? 1 : 0;
    one_done();
}

void crowd::drop() {
    for (auto& one : clients_)
        one.drop();
    for (auto& slow : slow_readers_)
        slow.drop();
}

} // namespace chat::load
