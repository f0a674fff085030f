#include "server/watch/stack_namer.hpp"

#include "server/watch/stack_names.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace chat {

void stack_namer::name(stall_report report, std::vector<void*> stack) {
    next_ = {++newest_, std::move(report), std::move(stack)};
    if (!thread_.joinable())
        start();
}

void stack_namer::start() {
    thread_ = std::thread{[this, job = std::exchange(next_, {}).value()]() mutable {
        job.report.loop.stack = name_stack(job.stack);
        boost::asio::post(watch_, [this, job = std::move(job)]() mutable {
            thread_.join(); // does not wait: posting was the last thing that the thread did
            if (job.number == newest_)
                named_(std::move(job.report));
            else if (next_)
                start();
        });
    }};
}

} // namespace chat
