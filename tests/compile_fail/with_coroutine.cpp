// with(f) must reject a coroutine: the lock would be released before its body runs.
#include "server/loop/loop_executor.hpp"
#include "server/sync/async_mutex.hpp"
#include "server/sync/guarded.hpp"

using namespace chat;

task<> wrong(guarded<int, basic_async_mutex<loop_executor>>& number) {
    auto body = [](int& value) -> task<> {
        ++value;
        co_return;
    };
    co_await number.with(body);
}
