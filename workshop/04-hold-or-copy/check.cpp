// Ten readers come at the same time: four texts are in the archive only, the others are on the shelf.
#include "workshop/check.hpp"
#include "workshop/04-hold-or-copy/library.hpp"
#include "workshop/watchdog.hpp"

#include <array>
#include <string>

namespace asio = boost::asio;

namespace {

constexpr std::array titles{"Dracula", "Emma",   "Ulysses", "Emma",   "Walden",
                            "Candide", "Walden", "Emma",    "Utopia", "Walden"};
constexpr auto in_the_archive = 4;

int visit(library::house& house, workshop::report& report) {
    std::array<std::string, titles.size()> texts;
    for (std::size_t i = 0; i < titles.size(); ++i)
        workshop::spawn(house.loop, library::find(house, titles[i]), texts[i]);
    const auto start = std::chrono::steady_clock::now();
    house.loop.restart();
    house.loop.run();
    const auto took = std::chrono::steady_clock::now() - start;
    for (std::size_t i = 0; i < titles.size(); ++i) {
        const auto right = std::string{"text of "} + titles[i];
        report.require(texts[i] == right,
                       "a reader wanted " + right + " and got '" + texts[i] + "'");
    }
    return static_cast<int>(took / std::chrono::milliseconds{1});
}

asio::awaitable<bool> unlocked(library::house& house) {
    auto shelf = co_await house.shelf.lock();
    co_return shelf->was_touched_unlocked();
}

} // namespace

int main() {
    const workshop::watchdog patience{
        "a reader waits for the lock, and the loop has nothing to do."};
    boost::asio::io_context loop{1};
    library::house house{loop};
    workshop::report report;
    const auto took = visit(house, report);

    report.require(house.lock.waited == 0,
                   "others waited: " + std::to_string(house.lock.waited) + " of " +
                       std::to_string(titles.size()) +
                       " readers found the lock taken, and all took " + std::to_string(took) +
                       " ms. The archive takes 20 ms.\n"
                       "       Which guard is alive while find() awaits the archive?");
    bool touched_unlocked = false;
    workshop::spawn(loop, unlocked(house), touched_unlocked);
    loop.restart();
    loop.run();
    report.require(!touched_unlocked,
                   "the shelf is used without the lock: after unlock() it belongs to everybody");
    for (const auto* on_the_shelf : {"Emma", "Walden"})
        report.require(!house.fetched.contains(on_the_shelf),
                       std::string{on_the_shelf} +
                           " was on the shelf, and the archive was asked for it:"
                           " a lock that is taken is not a text that is missing");
    if (!report.passed())
        return report.verdict("");

    visit(house, report); // once more, and now everything is on the shelf
    int again = 0;
    for (const auto& [title, times] : house.fetched)
        again += times - 1;
    report.require(again != in_the_archive,
                   "the archive was asked again for every text: put what you fetched on the shelf");
    report.require(again == 0 || again == in_the_archive,
                   std::to_string(again) +
                       " of 4 texts were lost from the shelf: a copy of it that is"
                       " written back overwrites what others have put there");
    return report.verdict("Nobody waits for a lock, and the archive is asked once for each text.");
}
