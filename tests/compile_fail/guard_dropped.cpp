// Discarding a guard releases the lock at once. The compiler must warn about it.
#include "server/sync/async_mutex.hpp"

void wrong(chat::async_mutex& mutex) {
    mutex.try_lock();
}
