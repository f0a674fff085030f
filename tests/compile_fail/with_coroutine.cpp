// with(f) must reject a coroutine: the lock would be released before its body runs.
#include "server/sync/async_mutex.hpp"
#include "server/sync/guarded.hpp"
#include "server/sync/loop_executor.hpp"

using namespace chat;

task<> wrong(guarded<int, basic_async_mutex<loop_executor>>& number) {
    auto body = [](int& value) -> task<> {
        ++value;
        co_return;
    };
    co_await number.with(body);
}
