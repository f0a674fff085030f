// with(f) must not return a view of the value: a string_view is a reference too.
#include "server/loop/loop_executor.hpp"
#include "server/sync/async_mutex.hpp"
#include "server/sync/guarded.hpp"

#include <string>
#include <string_view>

using namespace chat;

task<> wrong(guarded<std::string, basic_async_mutex<loop_executor>>& name) {
    auto body = [](std::string& value) { return std::string_view{value}; };
    co_await name.with(body);
}
