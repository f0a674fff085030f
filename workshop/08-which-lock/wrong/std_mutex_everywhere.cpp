// Says: std::mutex everywhere
// Right where nobody suspends, and a freeze where somebody does.
#include "workshop/08-which-lock/choices.hpp"

namespace which {

std::array<choice, 12> decide() {
    return {
        // 1. One thread runs the loop. Ten tasks do ++n, each within one turn.
        choice::std_mutex,
        // 2. Eight threads count requests, another one reads the count for a metrics page.
        choice::std_mutex,
        // 3. One thread runs the loop. Tasks insert into a map and look up, never with a co_await between.
        choice::std_mutex,
        // 4. The same map, and four threads run the loop. Any task may run on any thread.
        choice::std_mutex,
        // 5. One thread. Two tasks write messages to the same TCP stream, several async_writes a message.
        choice::std_mutex,
        // 6. One thread. A cache: on a miss one task fetches from the network, the others wait for its result.
        choice::std_mutex,
        // 7. Four threads. A connection has much state; all of its handlers touch it, nobody else does.
        choice::std_mutex,
        // 8. A task on the loop calls sqlite3_step, which takes 200 ms.
        choice::std_mutex,
        // 9. Four threads of a pool share that SQLite connection, one call at a time.
        choice::std_mutex,
        // 10. A task on the loop sleeps until there is work in a queue: the condition variable's job.
        choice::std_mutex,
        // 11. An admin thread sets the log level, every thread reads it.
        choice::std_mutex,
        // 12. Four threads. BEGIN, two awaits and COMMIT on one asynchronous database connection; no other
        //     task may use the connection in between.
        choice::std_mutex,
    };
}

} // namespace which
