// with(f) must not return a reference to the value: the caller could use it without the lock.
#include "server/loop/loop_executor.hpp"
#include "server/sync/async_mutex.hpp"
#include "server/sync/guarded.hpp"

using namespace chat;

task<> wrong(guarded<int, basic_async_mutex<loop_executor>>& number) {
    auto body = [](int& value) -> int& { return value; };
    co_await number.with(body);
}
