// with(f) must not let a reference to the value out: it could be used when the lock is released.
#include "server/sync/async_mutex.hpp"
#include "server/sync/guarded.hpp"
#include "server/sync/loop_executor.hpp"

using namespace chat;

task<> wrong(guarded<int, basic_async_mutex<loop_executor>>& number) {
    auto body = [](int& value) -> int& { return value; };
    co_await number.with(body);
}
