// A mutex that knows its owner: std::mutex's surface over POSIX's error-checking kind. Where std::mutex
// has undefined behaviour and Linux keeps silent, this one refuses, and remembers why.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <system_error>

namespace workshop {

/// Any thread may lock it. Only the thread that locked it can unlock it.
class owned_mutex {
public:
    explicit owned_mutex(int kind = PTHREAD_MUTEX_ERRORCHECK) {
        pthread_mutexattr_t attributes;
        ::pthread_mutexattr_init(&attributes);
        ::pthread_mutexattr_settype(&attributes, kind);
        ::pthread_mutex_init(&mutex_, &attributes);
        ::pthread_mutexattr_destroy(&attributes);
    }

    ~owned_mutex() { ::pthread_mutex_destroy(&mutex_); }

    owned_mutex(const owned_mutex&) = delete;
    owned_mutex& operator=(const owned_mutex&) = delete;

    void lock() {
        if (const int error = ::pthread_mutex_lock(&mutex_))
            throw std::system_error{error, std::generic_category(), "owned_mutex::lock"};
        owner_ = ::pthread_self();
        locked_ = true;
    }

    bool try_lock() {
        if (::pthread_mutex_trylock(&mutex_) != 0)
            return false;
        owner_ = ::pthread_self();
        return locked_ = true;
    }

    /// Does not throw, because guards call it in their destructors: see unlock_error().
    void unlock() noexcept {
        const bool was_locked = locked_.exchange(false);
        if (const int error = ::pthread_mutex_unlock(&mutex_)) {
            unlock_error_ = error;
            locked_ = was_locked;
        }
    }

    /// True if the calling thread holds it.
    bool is_mine() const { return locked_ && ::pthread_equal(owner_, ::pthread_self()); }

    /// 0, or why the last unlock() that failed was refused: EPERM for the wrong thread.
    int unlock_error() const { return unlock_error_; }

private:
    pthread_mutex_t mutex_;
    std::atomic<pthread_t> owner_{};
    std::atomic<bool> locked_ = false;
    std::atomic<int> unlock_error_ = 0;
};

} // namespace workshop
