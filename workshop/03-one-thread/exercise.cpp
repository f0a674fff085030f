// Lesson 3, the exercise. Ten visitors come, and one is counted. Repair visit() without a lock.
//
//     cmake --build build/lesson --target lesson_03_exercise && build/lesson/bin/lesson_03_exercise
//
// When that says SUCCESS, delete the next line.
// I AM NOT DONE
#include "workshop/03-one-thread/gate.hpp"

namespace fair {

asio::awaitable<void> visit(gate& here) {
    const int seen = here.visitors;
    co_await here.save(seen + 1);
    here.visitors = seen + 1;
}

} // namespace fair
