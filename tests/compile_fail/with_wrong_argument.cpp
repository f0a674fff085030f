// with(f) calls f with a reference to the value, so f must accept one.
#include "server/loop/loop_executor.hpp"
#include "server/sync/async_mutex.hpp"
#include "server/sync/guarded.hpp"

#include <string>

using namespace chat;

task<> wrong(guarded<int, basic_async_mutex<loop_executor>>& number) {
    auto body = [](std::string&) {};
    co_await number.with(body);
}
