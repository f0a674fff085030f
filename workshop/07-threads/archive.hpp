// An archive that two threads serve. Its index is behind a mutex that knows its owner. add() is yours,
// in exercise.cpp.
#pragma once

#include "workshop/07-threads/owned_mutex.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <latch>
#include <map>
#include <mutex>
#include <semaphore>
#include <string>
#include <thread>

namespace archive {

namespace asio = boost::asio;

class shelves {
public:
    explicit shelves(asio::io_context& context)
        : loop{context} {}

    asio::io_context& loop; // two threads run it
    workshop::owned_mutex mutex;
    asio::strand<asio::io_context::executor_type> strand = asio::make_strand(loop);

    /// Reserves the next number. Needs the lock.
    int reserve() {
        note_the_lock();
        return ++numbers_;
    }

    /// Enters a title in the index. Needs the lock.
    void put(int number, std::string title) {
        note_the_lock();
        index_[number] = std::move(title);
    }

    /// Fetches the text from the disk. The thread that asked gets another request to serve meanwhile, so
    /// the task resumes on the other one. On a real server that depends on the load; here it is certain.
    asio::awaitable<void> fetch() {
        const auto asked = std::this_thread::get_id();
        strand_asked_ = strand.running_in_this_thread();
        while (std::this_thread::get_id() == asked)
            co_await asio::post(loop, asio::use_awaitable);
        std::latch taken{1};
        asio::post(loop, [this, &taken] {
            taken.count_down();
            request_served_.acquire(); // this thread is busy
        });
        taken.wait();
        fetched_ = true;
    }

    // What the check wants to know.
    void serve_the_other_request() { request_served_.release(); }

    bool used_strand() const { return strand_asked_; }

    bool fetched() const { return fetched_; }

    int unlocked_uses() const { return unlocked_uses_; }

    const std::map<int, std::string>& index() const { return index_; }

private:
    void note_the_lock() { unlocked_uses_ += mutex.is_mine() ? 0 : 1; }

    int numbers_ = 0;
    int unlocked_uses_ = 0;
    bool strand_asked_ = false;
    bool fetched_ = false;
    std::map<int, std::string> index_;
    std::binary_semaphore request_served_{0};
};

/// Adds a text: reserves a number, fetches the text, enters the title, returns the number.
asio::awaitable<int> add(shelves& here, std::string title);

} // namespace archive
