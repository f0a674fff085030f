// LD_PRELOAD=liberror_checking.so PROGRAM: makes each mutex of the program an error-checking one. Who
// locks a mutex that they own gets EDEADLK then, instead of waiting for themselves; std::mutex::lock
// throws that as std::system_error.
//
// For Linux with glibc: a mutex's kind cannot be changed once it is made, save by looking inside.
#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

extern "C" int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
    using lock_function = int(pthread_mutex_t*);
    static auto* const real_lock =
        reinterpret_cast<lock_function*>(::dlsym(RTLD_NEXT, "pthread_mutex_lock"));

    if (mutex->__data.__kind == PTHREAD_MUTEX_NORMAL)
        mutex->__data.__kind = PTHREAD_MUTEX_ERRORCHECK;
    const int result = real_lock(mutex);
    if (result == EDEADLK) {
        std::fprintf(stderr, "error-checking mutex: EDEADLK: thread %d locks what it owns\n",
                     static_cast<int>(::gettid()));
    }
    return result;
}
