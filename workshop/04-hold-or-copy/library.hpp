// The library of the exercise: a shelf of texts that is fast and guarded, and an archive that is slow. find()
// is yours, in exercise.cpp.
#pragma once

#include "server/sync/guarded.hpp"
#include "workshop/lock_facts.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <map>
#include <string>
#include <utility>

namespace library {

namespace asio = boost::asio;

/// Title and text of what is at hand. A copy of the shelf is the reader's own, and needs no lock.
class shelf {
public:
    shelf(const workshop::lock_facts& lock, std::map<std::string, std::string> texts)
        : lock_{&lock}
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

    bool was_touched_unlocked() const { return touched_unlocked_; }

private:
    void touch() const {
        if (lock_ != nullptr && !lock_->locked)
            touched_unlocked_ = true;
    }

    const workshop::lock_facts* lock_ = nullptr;
    mutable bool touched_unlocked_ = false;
    std::map<std::string, std::string> texts_;
};

struct house {
    explicit house(asio::io_context& context)
        : loop{context} {}

    asio::io_context& loop;
    workshop::lock_facts lock;
    chat::guarded<library::shelf, workshop::counted_async_mutex> shelf{
        loop, chat::observed_by{workshop::lock_observer{&lock}}, lock,
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
