// with(f) must also reject a coroutine of another library, and everything else that can be awaited.
#include "server/sync/blocking_mutex.hpp"
#include "server/sync/guarded.hpp"
#include "server/sync/loop_executor.hpp"

using namespace chat;

struct foreign_task {
    std::suspend_always operator co_await() && { return {}; }
};

task<> wrong(guarded<int, basic_blocking_mutex<loop_executor>>& number) {
    auto body = [](int&) { return foreign_task{}; };
    co_await number.with(body);
}
