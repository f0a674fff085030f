// What the lessons' checks share: tasks whose failures are seen, and a verdict that teaches.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <iostream>
#include <string>
#include <utility>

namespace workshop {

namespace asio = boost::asio;

/// Starts a task. What it throws comes out of loop.run(), where asio::detached would swallow it.
inline void spawn(asio::io_context& loop, asio::awaitable<void> task) {
    asio::co_spawn(loop, std::move(task), [](std::exception_ptr failed) {
        if (failed)
            std::rethrow_exception(failed);
    });
}

/// The same for a task with a result, which goes to `result`.
template <class T>
void spawn(asio::io_context& loop, asio::awaitable<T> task, T& result) {
    asio::co_spawn(loop, std::move(task), [&result](std::exception_ptr failed, T value) {
        if (failed)
            std::rethrow_exception(failed);
        result = std::move(value);
    });
}

/// Collects what is wrong with an answer. main() returns verdict().
class report {
public:
    /// Each message names what was observed and the idea that leads to the right answer.
    void require(bool holds, const std::string& message) {
        if (holds)
            return;
        ++wrong_;
        std::cout << "wrong: " << message << std::endl;
    }

    /// True if nothing is wrong so far.
    bool passed() const { return wrong_ == 0; }

    /// The exit code: 0, or 1 if anything is wrong. Says SUCCESS only for 0.
    int verdict(const std::string& what_holds) const {
        if (passed())
            std::cout << "SUCCESS! " << what_holds << std::endl;
        return passed() ? 0 : 1;
    }

private:
    int wrong_ = 0;
};

} // namespace workshop
