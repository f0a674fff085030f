// Lesson 8, the exercise. Somebody followed the rule "async code needs async locks". Choose better.
//
//     cmake --build build/lesson --target lesson_08_exercise && build/lesson/bin/lesson_08_exercise
//
// When that says SUCCESS, delete the next line.
// I AM NOT DONE
#include "workshop/08-which-lock/choices.hpp"

namespace which {

std::array<choice, 12> decide() {
    return {
        // 1. One thread runs the loop. Ten tasks do ++n, each within one turn.
        choice::async_mutex,
        // 2. Eight threads count requests, another one reads the count for a metrics page.
        choice::async_mutex,
        // 3. One thread runs the loop. Tasks insert into a map and look up, never with a co_await between.
        choice::async_mutex,
        // 4. The same map, and four threads run the loop. Any task may run on any thread.
        choice::async_mutex,
        // 5. One thread. Two tasks write messages to the same TCP stream, several async_writes a message.
        choice::async_mutex,
        // 6. One thread. A cache: on a miss one task fetches from the network, the others wait for its result.
        choice::async_mutex,
        // 7. Four threads. A connection has much state; all of its handlers touch it, nobody else does.
        choice::async_mutex,
        // 8. A task on the loop calls sqlite3_step, which takes 200 ms.
        choice::async_mutex,
        // 9. Four threads of a pool share that SQLite connection, one call at a time.
        choice::async_mutex,
        // 10. A task on the loop sleeps until there is work in a queue: the condition variable's job.
        choice::async_mutex,
        // 11. An admin thread sets the log level, every thread reads it.
        choice::async_mutex,
        // 12. Four threads. BEGIN, two awaits and COMMIT on one asynchronous database connection; no other
        //     task may use the connection in between.
        choice::async_mutex,
    };
}

} // namespace which
