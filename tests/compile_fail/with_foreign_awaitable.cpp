// with(f) must also reject a coroutine of another library, and everything else that can be awaited.
#include "server/loop/loop_executor.hpp"
#include "server/sync/blocking_mutex.hpp"
#include "server/sync/guarded.hpp"

using namespace chat;

struct foreign_task {
    std::suspend_always operator co_await() && { return {}; }
};

task<> wrong(guarded<int, basic_blocking_mutex<loop_executor>>& number) {
    auto body = [](int&) { return foreign_task{}; };
    co_await number.with(body);
}
