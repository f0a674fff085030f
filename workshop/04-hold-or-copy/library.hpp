// The library of the exercise: a shelf of texts that is fast and guarded, and an archive that is slow. find()
// is yours, in exercise.cpp.
#pragma once

#include "server/sync/async_mutex.hpp"
#include "server/sync/guarded.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <map>
#include <string>
#include <utility>

namespace library {

namespace asio = boost::asio;

/// What the check wants to know of the lock.
struct facts {
    bool locked = false;
    int waited = 0; // how many found the lock taken
    int touched_unlocked = 0;
};

struct observer {
    using site = chat::unobserved::site;
    facts* noted = nullptr;

    void waiting(const void* /*waiter*/, const site&) noexcept { ++noted->waited; }

    void acquired(const void* /*waiter*/, const site&) noexcept { noted->locked = true; }

    void abandoned(const void* /*waiter*/, const site&) noexcept {}

    void released() noexcept { noted->locked = false; }
};

/// Title and text of what is at hand. A copy of the shelf is the reader's own, and needs no lock.
class shelf {
public:
    shelf(facts& noted, std::map<std::string, std::string> texts)
        : noted_{&noted}
        , texts_{std::move(texts)} {}

    shelf(const shelf& other)
        : texts_{other.texts_} {}

    shelf& operator=(const shelf& other) {
        touch();
        texts_ = other.texts_;
        return *this;
    }

    ~shelf() = default;

    bool has(const std::string& title) const { return touch(), texts_.contains(title); }

    std::string get(const std::string& title) const { return touch(), texts_.at(title); }

    void put(const std::string& title, std::string text) {
        touch();
        texts_[title] = std::move(text);
    }

private:
    void touch() const { // counts what is done without the lock
        if (noted_ != nullptr && !noted_->locked)
            ++noted_->touched_unlocked;
    }

    facts* noted_ = nullptr;
    std::map<std::string, std::string> texts_;
};

struct house {
    explicit house(asio::io_context& context)
        : loop{context} {}

    using mutex = chat::basic_async_mutex<asio::any_io_executor, chat::concurrent, observer>;

    asio::io_context& loop;
    facts noted;
    chat::guarded<library::shelf, mutex> shelf{
        loop, chat::observed_by{observer{&noted}}, noted,
        std::map<std::string, std::string>{{"Emma", "text of Emma"}, {"Walden", "text of Walden"}}};
    std::map<std::string, int> fetched; // titles that the archive was asked for, and how often

    /// Fetches a text from the archive. It takes 20 ms, and the thread is free meanwhile.
    asio::awaitable<std::string> archive(std::string title) {
        ++fetched[title];
        asio::steady_timer stairs{loop, std::chrono::milliseconds{20}};
        co_await stairs.async_wait(asio::use_awaitable);
        co_return "text of " + title;
    }
};

/// The text of a title: from the shelf, or else from the archive; then it is on the shelf next time.
asio::awaitable<std::string> find(house& here, std::string title);

} // namespace library
