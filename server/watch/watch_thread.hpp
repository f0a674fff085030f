// The watch thread, which keeps running when the loop freezes. The monitor and the admin server run
// on it, in an io_context of their own.
#pragma once

#include <boost/asio/io_context.hpp>

#include <pthread.h>

#include <thread>

namespace chat {

class watch_thread {
public:
    /// Runs the context until destroyed. Declare it after everything that uses the context, which
    /// is then constructed before the thread starts and destroyed after the thread has ended.
    explicit watch_thread(boost::asio::io_context& context)
        : context_{context}
        , thread_{[&context] {
            ::pthread_setname_np(::pthread_self(), "watch");
            const auto until_destroyed = boost::asio::make_work_guard(context);
            context.run();
        }} {}

    ~watch_thread() {
        context_.stop();
        thread_.join();
    }

    watch_thread(const watch_thread&) = delete;
    watch_thread& operator=(const watch_thread&) = delete;

private:
    boost::asio::io_context& context_;
    std::thread thread_;
};

} // namespace chat
