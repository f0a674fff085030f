// Lesson 5, the second program: a service that keeps its users' sessions in a map. No function of it
// suspends while it has the lock, so std::mutex will do. What leaves the service is a copy.
#include "workshop/check.hpp"

#include <boost/asio/steady_timer.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <optional>

namespace asio = boost::asio;

class session_service {
public:
    void update(const std::string& user, int count) {
        const std::lock_guard lock{mutex_};
        sessions_[user] = count;
    }

    /// Not `int&`: another task may erase the user while this one is suspended.
    std::optional<int> get(const std::string& user) const {
        const std::lock_guard lock{mutex_};
        const auto found = sessions_.find(user);
        return found == sessions_.end() ? std::nullopt : std::optional{found->second};
    }

    void log_out(const std::string& user) {
        const std::lock_guard lock{mutex_};
        sessions_.erase(user);
    }

private:
    mutable std::mutex mutex_;
    std::map<std::string, int> sessions_; // guarded by mutex_
};

/// Owns the service with the others, and its own copy of the name.
asio::awaitable<void> request(std::shared_ptr<session_service> service, std::string user,
                              int count) {
    asio::steady_timer network{co_await asio::this_coro::executor, std::chrono::milliseconds{5}};
    co_await network.async_wait(asio::use_awaitable);
    service->update(user, count); // locks and unlocks in one turn
}

int main() {
    asio::io_context loop{1};
    const auto service = std::make_shared<session_service>();
    for (int i = 0; i < 5; ++i)
        workshop::spawn(loop, request(service, "user_" + std::to_string(i), i));
    loop.run(); // until all are done; throws what one of them throws

    std::cout << "user_3: " << service->get("user_3").value_or(-1) << "\n";
    service->log_out("user_3");
    std::cout << "user_3 has " << (service->get("user_3") ? "a" : "no") << " session\n";
}
