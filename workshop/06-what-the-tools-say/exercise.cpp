// Lesson 6, the exercise. Three customers pay at one till on one thread, and it freezes; no tool says
// a word. First make clang-tidy see it: change how the lock is held, not how long. Then repair it.
//
//     cmake --build build/lesson --target lesson_06_exercise && build/lesson/bin/lesson_06_exercise
//
// When that says SUCCESS, delete the next line.
// I AM NOT DONE
#include "workshop/06-what-the-tools-say/till.hpp"

namespace shop {

asio::awaitable<void> pay(till& here, int cents) {
    here.mutex.lock();
    here.cents += cents;
    co_await here.read_card();
    here.mutex.unlock();
}

} // namespace shop
