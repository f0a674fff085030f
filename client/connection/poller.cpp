#include "client/connection/poller.hpp"

#include <boost/asio/error.hpp>

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace chat::load {

namespace {

int make_epoll() {
    const int made = ::epoll_create1(EPOLL_CLOEXEC);
    if (made < 0)
        throw std::system_error{errno, std::generic_category(), "epoll_create1"};
    return made;
}

} // namespace

poller::poller(asio::io_context& loop)
    : ready_{loop.get_executor(), make_epoll()} {
    wait();
}

void poller::watch(int socket, socket_events& target) {
    if (!ready_.is_open())
        return;
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = &target;
    if (::epoll_ctl(ready_.native_handle(), EPOLL_CTL_ADD, socket, &event) < 0)
        throw std::system_error{errno, std::generic_category(), "epoll_ctl"};
}

void poller::wait() {
    ready_.async_wait(ready_.wait_read, [this](boost::system::error_code error) {
        if (error)
            return;
        wake_ready();
        if (ready_.is_open())
            wait();
    });
}

// Polls again while there are events, but only a few times, so that timers are not delayed.
void poller::wake_ready() {
    constexpr int max_polls = 8;
    std::array<epoll_event, 256> events;
    for (int poll = 0; poll < max_polls; ++poll) {
        const int ready = ::epoll_wait(ready_.native_handle(), events.data(), events.size(), 0);
        for (int i = 0; i < ready; ++i) {
            const auto& event = events[static_cast<std::size_t>(i)];
            auto& target = *static_cast<socket_events*>(event.data.ptr);
            target.peer_ended = (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
            if ((event.events & ~std::uint32_t{EPOLLOUT}) != 0)
                target.readable.resume();
            if ((event.events & EPOLLOUT) != 0)
                target.writable.resume();
        }
        if (ready <= 0)
            return;
    }
}

} // namespace chat::load
