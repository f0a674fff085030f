// The system calls that send. They do not wait and do not raise SIGPIPE. They return the number of
// bytes sent, or -1 with errno set.
#pragma once

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <span>
#include <string_view>

namespace chat {

namespace detail {

inline constexpr int how_to_send = MSG_DONTWAIT | MSG_NOSIGNAL;

// The functions of glibc are cancellation points. In a process with several threads that costs 41
// instructions per call (glibc 2.36), and these calls do not wait. Sanitizers intercept only the
// functions of glibc, and check what is sent through them.
inline ssize_t try_send(int socket, std::string_view bytes) {
    if constexpr (CHAT_SANITIZED)
        return ::send(socket, bytes.data(), bytes.size(), how_to_send);
    else
        return ::syscall(SYS_sendto, socket, bytes.data(), bytes.size(), how_to_send, nullptr, 0);
}

inline ssize_t try_send(int socket, const msghdr& parts) {
    if constexpr (CHAT_SANITIZED)
        return ::sendmsg(socket, &parts, how_to_send);
    else
        return ::syscall(SYS_sendmsg, socket, &parts, how_to_send);
}

} // namespace detail

inline ssize_t send_now(int socket, std::string_view bytes) {
    ssize_t sent = 0;
    do
        sent = detail::try_send(socket, bytes);
    while (sent < 0 && errno == EINTR);
    return sent;
}

/// Sends a single part, which is the common case, without a list: that is cheaper for the kernel.
inline ssize_t send_now(int socket, std::span<iovec> parts) {
    if (parts.size() == 1)
        return send_now(socket, {static_cast<const char*>(parts[0].iov_base), parts[0].iov_len});
    msghdr list{};
    list.msg_iov = parts.data();
    list.msg_iovlen = parts.size();
    ssize_t sent = 0;
    do
        sent = detail::try_send(socket, list);
    while (sent < 0 && errno == EINTR);
    return sent;
}

} // namespace chat
