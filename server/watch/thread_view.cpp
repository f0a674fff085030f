#include "server/watch/thread_view.hpp"

#include "server/watch/handler_tracking.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <ctime>
#include <fstream>
#include <string>
#include <system_error>
#include <thread>

#include <execinfo.h>
#include <unistd.h>

namespace chat {

namespace {

constexpr int most_frames = 128;
constexpr std::chrono::milliseconds signal_timeout{100};

// The interrupted thread stores its answer here. Static, because a signal handler must reach it
// without a lock, an allocation or a thread_local that may not exist yet. Only one thread asks, and
// only one question at a time.
std::array<void*, most_frames> frames;
std::atomic<int> frame_count{-1}; // -1: no answer yet
static_assert(std::atomic<int>::is_always_lock_free);

int stack_signal() {
    return SIGRTMIN + 5; // libraries tend to use lower ones
}

// Runs on the loop's thread, at any point of its code. backtrace() neither locks nor allocates once
// libgcc's unwinder is loaded.
void answer_with_stack(int) {
    const int saved_errno = errno;
    if (frame_count.load(std::memory_order_acquire) < 0)
        frame_count.store(::backtrace(frames.data(), most_frames), std::memory_order_release);
    errno = saved_errno;
}

} // namespace

thread_view::thread_view()
    : id_{::gettid()}
    , handle_{::pthread_self()}
    , handlers_ended_{&chat::handlers_ended} {
    ::backtrace(frames.data(), most_frames); // loads the unwinder, which allocates
    struct sigaction action{};
    action.sa_handler = answer_with_stack;
    action.sa_flags = SA_RESTART;
    if (::sigaction(stack_signal(), &action, nullptr) != 0)
        throw std::system_error{errno, std::system_category(), "sigaction"};
}

char thread_view::state() const {
    std::ifstream file{"/proc/self/task/" + std::to_string(id_) + "/stat"};
    std::string line;
    std::getline(file, line);
    const auto after_name = line.rfind(')'); // the name may contain any character
    return after_name + 2 < line.size() ? line[after_name + 2] : '?';
}

std::chrono::nanoseconds thread_view::cpu_time() const {
    clockid_t clock{};
    timespec used{};
    if (::pthread_getcpuclockid(handle_, &clock) != 0 || ::clock_gettime(clock, &used) != 0)
        return {};
    return std::chrono::seconds{used.tv_sec} + std::chrono::nanoseconds{used.tv_nsec};
}

std::vector<void*> thread_view::stack() const {
    using clock = std::chrono::steady_clock;
    frame_count.store(-1, std::memory_order_release);
    if (::pthread_kill(handle_, stack_signal()) != 0)
        return {};
    const auto deadline = clock::now() + signal_timeout;
    int count = -1;
    while ((count = frame_count.load(std::memory_order_acquire)) < 0 && clock::now() < deadline)
        std::this_thread::sleep_for(std::chrono::microseconds{200});
    if (count < 0)
        return {};
    constexpr int signal_frames = 2; // the handler, and the kernel's call of it
    const auto first = std::min(count, signal_frames);
    return std::vector<void*>(frames.begin() + first, frames.begin() + count);
}

} // namespace chat
