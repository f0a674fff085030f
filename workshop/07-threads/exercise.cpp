// Lesson 7, the exercise. add() locks on one thread and unlocks on another. Repair it; leave the mutex.
//
//     cmake --build build/lesson --target lesson_07_exercise && build/lesson/bin/lesson_07_exercise
//
// When that says SUCCESS, delete the next line.
// I AM NOT DONE
#include "workshop/07-threads/archive.hpp"

namespace archive {

asio::awaitable<int> add(shelves& here, std::string title) {
    std::unique_lock lock{here.mutex};
    const int number = here.reserve();
    co_await here.fetch();
    here.put(number, std::move(title));
    co_return number;
}

} // namespace archive
