// A guard that nobody keeps is released at once: the compiler says so.
#include "server/sync/async_mutex.hpp"

void wrong(chat::async_mutex& mutex) {
    mutex.try_lock();
}
