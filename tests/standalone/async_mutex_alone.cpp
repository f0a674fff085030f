// Uses the async mutex with nothing but its header and Asio: ten coroutines on two threads take
// turns.
#include "async_mutex.hpp"

#include <boost/asio.hpp>

#include <exception>
#include <iostream>
#include <thread>

namespace asio = boost::asio;

asio::awaitable<void> count(chat::async_mutex& mutex, int& shared) {
    for (int i = 0; i != 1000; ++i) {
        auto guard = co_await mutex.lock();
        const int seen = shared;
        co_await asio::post(asio::use_awaitable); // others run, but none enters
        shared = seen + 1;
    }
}

void rethrow(std::exception_ptr error) {
    if (error) {
        std::rethrow_exception(error);
    }
}

int main() {
    asio::io_context context{2};
    chat::async_mutex mutex{context};
    int shared = 0;
    for (int i = 0; i != 10; ++i) {
        asio::co_spawn(context, count(mutex, shared), rethrow);
    }
    std::thread other{[&] { context.run(); }};
    context.run();
    other.join();
    std::cout << shared << " of 10000\n";
    return shared == 10000 ? 0 : 1;
}
